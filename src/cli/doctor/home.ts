import { existsSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Cli } from '../cli.ts';
import { type Finding, missing, note, ok } from './check.ts';

/** File systems whose locks, renames or fsyncs can't be trusted, by the number that statfs gives (Linux). */
const REMOTE: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x01021997, '9P'],
  [0x5346414f, 'AFS'],
  [0x00c36400, 'Ceph'],
  [0x65735546, 'FUSE'],
  [0x47504653, 'GPFS'],
  [0x0bd00bd0, 'Lustre'],
]);

export function localDisk({ runtime }: Cli): Finding {
  const place = nearestExisting(runtime.home);
  const remote = remoteKind(statfsSync(place).type);
  if (remote === undefined) return ok('disk', `${place} is local`);
  return missing(
    'disk',
    `${place} is on ${remote}, where locks and renames can't be trusted`,
    'Set YARDMASTER_HOME to a folder on a local disk.',
  );
}

export function remoteKind(type: number): string | undefined {
  return REMOTE.get(type >>> 0);
}

/** Whoever can write the home can tell the agents what to do. */
export function homeMode({ runtime }: Cli): Finding {
  if (!existsSync(runtime.home)) return ok('home', `${runtime.home} (made at the first start)`);
  const { mode, uid } = statSync(runtime.home);
  if (process.getuid && uid !== process.getuid())
    return missing('home', `${runtime.home} belongs to another user`, 'Set YARDMASTER_HOME to a folder of your own.');
  if ((mode & 0o077) === 0) return ok('home', runtime.home);
  const shown = (mode & 0o777).toString(8);
  return missing('home', `${runtime.home} is open to others (mode ${shown})`, `chmod 700 '${runtime.home}'`);
}

export function freeSpace({ runtime }: Cli): Finding {
  const { bavail, bsize } = statfsSync(nearestExisting(runtime.home));
  const megabytes = Math.floor((bavail * bsize) / 1_048_576);
  if (megabytes >= 256) return ok('space', `${megabytes} MB free`);
  return note('space', `${megabytes} MB free; tasks are refused when it runs out`, 'Make room on that disk.');
}

function nearestExisting(path: string): string {
  return existsSync(path) ? path : nearestExisting(dirname(path));
}
