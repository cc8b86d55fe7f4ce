// Prints the test runner's own counts as one line, the skipped and the broken by name above it.
import { readFileSync } from 'node:fs';

const file = process.argv[2];
let report;
try {
  report = JSON.parse(readFileSync(file, 'utf8'));
} catch (error) {
  console.log(`no counts: the test runner left no report (${error.message})`);
  process.exit(1);
}

const tests = report.testResults.flatMap((suite) =>
  suite.assertionResults.map(({ status, fullName, failureMessages }) => ({
    status,
    name: `${suite.name}: ${fullName}`,
    why: failureMessages?.join('\n') ?? '',
  })),
);
const skipped = tests.filter(({ status }) => ['skipped', 'pending', 'todo', 'disabled'].includes(status));
const flaky = tests.filter(({ status, why }) => status === 'passed' && why !== '');
const failed = tests.filter(({ status }) => status === 'failed');
// A file that can't be loaded, or fails before or after its tests, counts as one failure.
const broken = report.testResults.filter(
  (suite) => suite.status === 'failed' && !suite.assertionResults.some(({ status }) => status === 'failed'),
);

for (const { name } of skipped) console.log(`SKIPPED ${name}`);
for (const [what, { name, why }] of [
  ...flaky.map((test) => ['FLAKY  ', test]),
  ...failed.map((test) => ['FAILED ', test]),
]) {
  console.log(`${what} ${name}`);
  for (const line of why.split('\n').slice(0, 12)) console.log(`        ${line.slice(0, 300)}`);
}
for (const { name, message } of broken) {
  const why = message?.split('\n')[0] || 'the file could not be run';
  console.log(`FAILED  ${name}: ${why.slice(0, 500)}`);
}
// The real agents are what the live tests show: skipped, they have shown nothing.
const unseen = process.env.ALLOW_SKIP === '1' ? [] : skipped.filter(({ name }) => /[/\\]live[/\\]/.test(name));
if (unseen.length > 0) console.log(`${unseen.length} live tests were skipped; ALLOW_SKIP=1 lets that pass`);
const passed = tests.filter(({ status }) => status === 'passed').length;
console.log(`${passed} passed, ${failed.length + broken.length} failed, ${skipped.length} skipped`);
if (unseen.length > 0) process.exit(1);
