// The fake job service as a program of its own, for tests that kill the runtime beside it:
//   node test/fakes/job-service-main.mjs '{"honour_keys": false, "latency_ms": 20}'
// Prints one line of JSON, `{"port": …}`, when it listens; ends on SIGTERM or when its stdin ends. A line on stdin, or
// the body of a `POST /control`, is a `Command` (job-service.ts), answered by a `Report`:
// `{"fault": ["submit", {"kind": "drop", "accepting": true}, 1]}`, `{"script": [{"at": "status", "nth": 3, "fault": …}]}`,
// `{"settle": ["job-1", "completed"]}`, or `{}` for the report alone.
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite'; // vitest's own loader of TypeScript

const { module } = await runnerImport(fileURLToPath(new URL('./job-service.ts', import.meta.url)), {
  configFile: false,
  logLevel: 'silent',
});
const service = await module.JobService.start(JSON.parse(process.argv[2] ?? '{}'));
const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
say({ port: service.port });

const commands = createInterface({ input: process.stdin });
commands.on('line', (line) => say(service.command(JSON.parse(line))));

const end = async () => {
  await service.close();
  process.exit(0);
};
commands.on('close', end);
process.on('SIGTERM', end);
