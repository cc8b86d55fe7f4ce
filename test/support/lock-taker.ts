import { fileLocks } from '../../src/runtime/io/locks.ts';

/** Takes the lock named by its argument, says so, and holds it until it is killed; or says that it is held. */
const lock = await fileLocks({ version: 'test' }).acquire(process.argv[2] ?? '');
process.stdout.write(lock === undefined ? 'held\n' : 'mine\n');
if (lock !== undefined) setInterval(() => {}, 1_000);
