import type { Command } from 'commander';
import type { Cli, Look } from '../cli.ts';
import type { Check, Finding } from '../doctor/check.ts';
import { EXIT } from '../failure.ts';
import { safeLine } from '../safe-text.ts';

export function doctorCommand(program: Command, cli: Cli): void {
  program
    .command('doctor')
    .summary('what this machine lacks')
    .description(
      'Checks what Yardmaster needs: programs and their versions, what sessions need, disk, permissions, configuration, runtime, providers. Changes nothing. Exit code 1 when something needed is missing.',
    )
    .option('--json', 'print the findings as JSON')
    .addHelpText('after', '\nExample:\n  yardmaster doctor')
    .action(async (options: { json?: boolean }) => {
      const findings = await examine(cli);
      if (findings.some(({ state }) => state === 'missing')) cli.exit = EXIT.refused;
      cli.print({ findings }, options, findingsView);
    });
}

async function examine(cli: Cli): Promise<Finding[]> {
  const home = await import('../doctor/home.ts');
  const service = await import('../doctor/runtime.ts');
  const { intake } = await import('../doctor/intake.ts');
  const checks: Check[] = [
    home.localDisk,
    home.freeSpace,
    home.homeMode,
    service.config,
    intake,
    service.runtime,
    service.http,
    service.retention,
    service.orphans,
  ];
  const { sessions } = await import('../doctor/sessions.ts');
  const findings = await sessions(cli);
  for (const check of checks) findings.push(await check(cli));
  const { providers } = await import('../doctor/providers.ts');
  const { sinks } = await import('../doctor/sinks.ts');
  return [...findings, ...(await providers(cli)), ...(await sinks(cli))];
}

const MARKS = { ok: ['green', 'ok'], note: ['yellow', 'note'], missing: ['red', 'missing'] } as const;

function findingsView({ findings }: { findings: readonly Finding[] }, { paint }: Look): string {
  const lines = findings.map((finding) => {
    const [colour, word] = MARKS[finding.state];
    const head = `${paint(colour, word.padEnd(8))}${finding.name.padEnd(9)}${safeLine(finding.detail)}\n`;
    return finding.state === 'ok' ? head : `${head}${' '.repeat(17)}→ ${safeLine(finding.hint)}\n`;
  });
  return lines.join('');
}
