import { randomBytes } from 'node:crypto';
import type { Chance } from '../ports.ts';

export function systemChance(): Chance {
  return {
    hex: (bytes) => randomBytes(bytes).toString('hex'),
    fraction: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
  };
}
