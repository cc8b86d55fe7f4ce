import type { Need } from '../yard.ts';
import { type Debt, FEW, type Host } from './debt.ts';

const MOST = 20;

/** Hosts that take nothing, one line each; what was given up the store tells. */
export function needsOfDebts(debts: Iterable<Debt>, hosts: ReadonlyMap<string, Host>): Need[] {
  const stuck = new Map<string, { count: number; why: string; held: boolean }>();
  for (const { host, tries, trouble, held } of debts) {
    const silent = (hosts.get(host)?.silent ?? 0) >= FEW;
    if (tries < FEW && !silent && !held) continue;
    const known = stuck.get(host) ?? { count: 0, why: trouble ?? 'nobody answers there', held };
    stuck.set(host, { ...known, count: known.count + 1 });
  }
  return [...stuck].slice(0, MOST).map(([host, { count, why, held }]) => ({
    what: `${count} ${count === 1 ? 'callback' : 'callbacks'} to ${host} can't be delivered: ${why}`,
    where: host,
    next: held
      ? 'mend callbacks in yardmaster.yaml; they are sent as soon as it is read again'
      : 'mend the receiver; they are tried again by themselves until callbacks.give_up',
  }));
}
