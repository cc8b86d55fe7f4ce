// The fake chat server as a program of its own, for tests that kill the runtime beside it:
//   node test/fakes/chat-service-main.mjs '{"key": "secret", "hold": false}'
// Prints one line of JSON, `{"port": …}`, when it listens; ends on SIGTERM or when its stdin ends. A line on stdin is a
// command, answered by a line of JSON: `{"fault": [{"kind": "stalls", "after": "so"}, 1]}`, `{"finish": [0, "42"]}` or
// `{"report": true}` (requests with their keys, whether they were taken as a job, and whether the client left).
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite'; // vitest's own loader of TypeScript

const { module } = await runnerImport(fileURLToPath(new URL('./chat-service.ts', import.meta.url)), {
  configFile: false,
  logLevel: 'silent',
});
const service = await module.ChatService.start(JSON.parse(process.argv[2] ?? '{}'));
const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
say({ port: service.port });

const commands = createInterface({ input: process.stdin });
commands.on('line', (line) => {
  const { fault, finish } = JSON.parse(line);
  if (fault) service.fault(...fault);
  if (finish) service.finish(service.requests[finish[0]], finish[1]);
  const requests = service.requests.map(({ headers, prompt, taken, left }) => {
    return { key: headers['idempotency-key'], prompt, taken, left };
  });
  say({ requests });
});

const end = async () => {
  await service.close();
  process.exit(0);
};
commands.on('close', end);
process.on('SIGTERM', end);
