import { readdir } from 'node:fs/promises';
import path from 'node:path';

import type { CallOptions } from '../../../base/call-options.ts';
import { readIfThere } from './read-if-there.ts';

/** Where the power comes from. */
export interface PowerState {
  readonly onBattery: boolean;
  /** How full the batteries of the machine are together, 0–100; missing if they do not say. */
  readonly percent?: number;
}

/**
 * What the kernel says of power supplies (`Documentation/ABI/testing/sysfs-class-power`). Batteries of mice and the like do not count. A machine without
 * batteries, or one that tells nothing, is not on battery.
 */
export async function readPower(directory: string, options: CallOptions): Promise<PowerState> {
  const names = await readdir(directory).catch(() => []);
  const supplies = await Promise.all(
    names.map((name) => readSupply(path.join(directory, name), options)),
  );
  const batteries = supplies.filter(({ type, scope }) => type === 'Battery' && scope !== 'Device');
  const chargers = supplies.filter(({ type }) => type !== 'Battery' && type !== undefined);
  if (batteries.length === 0) return { onBattery: false };
  const percent = percentOf(batteries);
  const isPluggedIn = chargers.some(({ online }) => online !== undefined && online !== '0');
  const isUnplugged = chargers.length > 0 && chargers.every(({ online }) => online === '0');
  const isDischarging = batteries.some(({ status }) => status === 'Discharging');
  return {
    onBattery: !isPluggedIn && (isUnplugged || isDischarging),
    ...(percent !== undefined && { percent }),
  };
}

interface Supply {
  readonly type: string | undefined;
  readonly scope: string | undefined;
  readonly online: string | undefined;
  readonly status: string | undefined;
  readonly capacity: string | undefined;
  /** µWh or µAh. */
  readonly full: string | undefined;
  readonly left: string | undefined;
}

async function readSupply(directory: string, options: CallOptions): Promise<Supply> {
  const read = (name: string): Promise<string | undefined> =>
    readIfThere(path.join(directory, name), options);
  const [type, scope, online, status, capacity, energy, charge, energyLeft, chargeLeft] =
    await Promise.all(
      [
        'type',
        'scope',
        'online',
        'status',
        'capacity',
        'energy_full',
        'charge_full',
        'energy_now',
        'charge_now',
      ].map(read),
    );
  return {
    type,
    scope,
    online,
    status,
    capacity,
    full: energy ?? charge,
    left: energyLeft ?? chargeLeft,
  };
}

/** By what is in them if all say so, since a small one that is empty beside a large one that is full matters little. */
function percentOf(batteries: readonly Supply[]): number | undefined {
  const amounts = batteries.map(({ full, left }) => ({ full: Number(full), left: Number(left) }));
  const full = amounts.reduce((sum, amount) => sum + amount.full, 0);
  const left = amounts.reduce((sum, amount) => sum + amount.left, 0);
  if (full > 0 && left >= 0) return Math.min(100, Math.round((100 * left) / full));
  const shares = batteries
    .map(({ capacity }) => Number(capacity))
    .filter((share) => !Number.isNaN(share));
  if (shares.length === 0) return undefined;
  return Math.round(shares.reduce((sum, share) => sum + share, 0) / shares.length);
}
