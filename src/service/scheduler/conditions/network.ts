import { networkInterfaces } from 'node:os';
import path from 'node:path';

import type { CallOptions } from '../../../base/call-options.ts';
import { readIfThere } from './read-if-there.ts';

/** `RTF_UP` and `RTF_REJECT` of linux/route.h. */
const up = 0x1;
const reject = 0x2_00;

/**
 * Whether there is a way out: a default route over IPv4 or IPv6 in the tables of the kernel (`/proc/net/route`, `/proc/net/ipv6_route`); where there are none,
 * an address besides those of the machine itself.
 */
export async function isOnline(directory: string, options: CallOptions): Promise<boolean> {
  const [four, six] = await Promise.all([
    readIfThere(path.join(directory, 'route'), options),
    readIfThere(path.join(directory, 'ipv6_route'), options),
  ]);
  if (four === undefined && six === undefined) return hasAddress();
  return (
    (four ?? '').split('\n').slice(1).some(isDefaultRoute4) ||
    (six ?? '').split('\n').some(isDefaultRoute6)
  );
}

function isDefaultRoute4(line: string): boolean {
  const [device, destination, , flags, , , , mask] = line.split(/\s+/u);
  return (
    device !== 'lo' &&
    destination === '00000000' &&
    mask === '00000000' &&
    isUsable(Number.parseInt(flags ?? '0', 16))
  );
}

function isDefaultRoute6(line: string): boolean {
  const [destination, length, , , , , , , flags, device] = line.split(/\s+/u);
  return (
    device !== 'lo' &&
    /^0{32}$/u.test(destination ?? '') &&
    length === '00' &&
    isUsable(Number.parseInt(flags ?? '0', 16))
  );
}

const isUsable = (flags: number): boolean => (flags & up) !== 0 && (flags & reject) === 0;

const hasAddress = (): boolean =>
  Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ internal }) => !internal),
  );
