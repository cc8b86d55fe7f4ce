import { BlockList, isIPv4, isIPv6 } from 'node:net';

/**
 * Who is behind an address: anybody, this machine and its own networks, or nobody that we should ever call (a cloud's
 * metadata service, link-local and unspecified addresses, groups, tunnels, what is reserved).
 *
 * What is in no list is `never`: ranges that come into use later are allowed when somebody has thought about them.
 */
export type Reach = 'public' | 'private' | 'never';

const PRIVATE_V4 = ['127.0.0.0/8', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '198.18.0.0/15'];
const NEVER_V4 = [
  ...['0.0.0.0/8', '169.254.0.0/16', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '198.51.100.0/24'],
  ...['203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'],
  ...['100.100.100.200/32', '168.63.129.16/32'], // metadata and host agents of clouds, outside the link-local range
];
const PRIVATE_V6 = ['::1/128', 'fc00::/7', '64:ff9b:1::/48'];
const NEVER_V6 = ['fd00:ec2::254/128', 'fd20:ce::254/128', '2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];
const GLOBAL_V6 = ['2000::/3'];

/** Prefixes behind which a v4 address stands: mapped ones, and those of NAT64. */
const V4_BEHIND = ['::ffff:', '64:ff9b::'];

const never = listOf(NEVER_V4, NEVER_V6);
const own = listOf(PRIVATE_V4, PRIVATE_V6);
const global6 = listOf([], GLOBAL_V6);
const behind = listOf(['0.0.0.0/0'], []);

export function reachOf(address: string): Reach {
  const family = isIPv4(address) ? 'ipv4' : isIPv6(address) && !address.includes('%') ? 'ipv6' : undefined;
  if (family === undefined || never.check(address, family)) return 'never';
  if (own.check(address, family)) return 'private';
  if (family === 'ipv4' || behind.check(address, 'ipv6')) return 'public';
  return global6.check(address, 'ipv6') ? 'public' : 'never';
}

function listOf(v4: readonly string[], v6: readonly string[]): BlockList {
  const list = new BlockList();
  for (const [net = '', prefix] of v4.map((range) => range.split('/'))) {
    list.addSubnet(net, Number(prefix), 'ipv4');
    for (const front of V4_BEHIND) list.addSubnet(`${front}${net}`, 96 + Number(prefix), 'ipv6');
  }
  for (const [net = '', prefix] of v6.map((range) => range.split('/'))) list.addSubnet(net, Number(prefix), 'ipv6');
  return list;
}
