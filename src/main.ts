#!/usr/bin/env node
import { fileURLToPath } from 'node:url';
import { runProgram } from './program.ts';

runProgram({
  argv: process.argv.slice(2),
  env: process.env,
  file: fileURLToPath(import.meta.url),
  parts: async () => (await import('./parts.ts')).parts,
  cli: async () => (await import('./cli/index.ts')).run,
}).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`yardmaster: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = 1;
  },
);
