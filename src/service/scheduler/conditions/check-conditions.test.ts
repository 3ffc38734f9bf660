import assert from 'node:assert/strict';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';

import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import type { JobConditions } from '../../../model/job.ts';
import { checkConditions, type ConditionOptions } from './check-conditions.ts';
import { isOnline } from './network.ts';

/** A machine in a directory: files that the kernel would have, and programs. */
interface Machine extends AsyncDisposable {
  readonly root: string;
  write(name: string, text: string): Promise<void>;
  supply(name: string, values: Readonly<Record<string, string>>): Promise<void>;
  /** A program that prints something, and ends with a status. */
  program(name: string, text: string, status?: number): Promise<void>;
  reason(
    conditions: JobConditions,
    options?: Partial<ConditionOptions>,
  ): Promise<string | undefined>;
}

async function machine(): Promise<Machine> {
  const directory = await temporaryDirectory();
  const root = directory.path;
  const write = async (name: string, text: string): Promise<void> => {
    const file = path.join(root, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
  };
  return {
    root,
    write,
    async supply(name, values) {
      for (const [key, value] of Object.entries(values))
        await write(`power/${name}/${key}`, `${value}\n`);
    },
    async program(name, text, status = 0) {
      await write(`bin/${name}`, `#!/bin/sh\nprintf '%s\\n' '${text}'\nexit ${status}\n`);
      await chmod(path.join(root, 'bin', name), 0o755);
    },
    async reason(conditions, options = {}) {
      const result = await checkConditions(
        { conditions },
        {
          destinations: [],
          environment: { PATH: path.join(root, 'bin') },
          places: {
            powerSupplies: path.join(root, 'power'),
            network: path.join(root, 'net'),
            mounts: path.join(root, 'mountinfo'),
            fileSystems: path.join(root, 'fstab'),
          },
          ...options,
        },
      );
      return result.holds ? undefined : result.reason;
    },
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

const battery = { type: 'Battery', scope: 'System', status: 'Discharging' };

describe('the condition on battery', () => {
  const onBattery = 'The machine runs on battery';

  test('holds on a machine without batteries, and on one that is plugged in', async () => {
    await using host = await machine();
    assert.equal(await host.reason({ battery: 'never' }), undefined);
    await host.supply('AC', { type: 'Mains', online: '1' });
    assert.equal(await host.reason({ battery: 'never' }), undefined);
    await host.supply('BAT0', { ...battery, capacity: '3' });
    assert.equal(await host.reason({ battery: 'never' }), undefined);
    assert.equal(await host.reason({ battery: 90 }), undefined);
  });

  test('does not hold when nothing is plugged in', async () => {
    await using host = await machine();
    await host.supply('AC', { type: 'Mains', online: '0' });
    await host.supply('BAT0', { ...battery, status: 'Not charging', capacity: '55' });
    assert.equal(await host.reason({ battery: 'never' }), onBattery);
    assert.equal(await host.reason({ battery: 'any' }), undefined);
    assert.equal(await host.reason({}), undefined);
    assert.equal(await host.reason({ battery: 55 }), undefined);
    assert.equal(
      await host.reason({ battery: 56 }),
      'The machine runs on battery, with 55 % left, less than 56 %',
    );
  });

  test('counts what is in all batteries, but not that of a mouse', async () => {
    await using host = await machine();
    await host.supply('BAT0', { ...battery, energy_full: '20000000', energy_now: '1000000' });
    await host.supply('BAT1', { ...battery, energy_full: '60000000', energy_now: '47000000' });
    await host.supply('mouse', { type: 'Battery', scope: 'Device', capacity: '1' });
    assert.equal(await host.reason({ battery: 60 }), undefined);
    assert.match((await host.reason({ battery: 61 })) ?? '', /with 60 % left/u);
  });

  test('does not hold for USB power that is off, and a battery that discharges without any', async () => {
    await using host = await machine();
    await host.supply('BAT0', { ...battery, capacity: '80' });
    assert.equal(await host.reason({ battery: 'never' }), onBattery);
    await host.supply('usb', { type: 'USB', online: '0' });
    assert.equal(await host.reason({ battery: 'never' }), onBattery);
    await host.supply('usb', { type: 'USB', online: '1' });
    assert.equal(await host.reason({ battery: 'never' }), undefined);
  });
});

describe('the condition on the network', () => {
  const none = 'There is no connection to the network';
  const head =
    'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n';
  const local = 'eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n';
  const six = (flags: string, device: string): string =>
    `${'0'.repeat(32)} 00 ${'0'.repeat(32)} 00 fe800000000000000000000000000001 00000400 00000001 00000000 ${flags}     ${device}\n`;

  test('holds with a default route over IPv4', async () => {
    await using host = await machine();
    await host.write('net/route', head + local);
    assert.equal(await host.reason({ network: true }), none);
    assert.equal(await host.reason({ network: false }), undefined);
    const out = 'eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n';
    await host.write('net/route', head + local + out);
    assert.equal(await host.reason({ network: true }), undefined);
    await host.write('net/route', head + out.replace('\t0003\t', '\t0002\t'));
    assert.equal(await host.reason({ network: true }), none, 'a route that is down');
  });

  test('holds with a default route over IPv6 that is not one to nowhere', async () => {
    await using host = await machine();
    await host.write('net/route', head);
    await host.write('net/ipv6_route', six('00200200', 'lo') + six('00000201', 'eth0'));
    assert.equal(await host.reason({ network: true }), none);
    await host.write('net/ipv6_route', six('00000003', 'eth0'));
    assert.equal(await host.reason({ network: true }), undefined);
  });

  test('goes by addresses where there are no such tables', async () => {
    assert.equal(typeof (await isOnline('/nowhere', {})), 'boolean');
  });
});

describe('the condition on metered connections', () => {
  const metered = 'The connection to the network is metered';

  test('asks NetworkManager over the bus', async () => {
    await using host = await machine();
    for (const [answer, reason] of [
      ['u 0', undefined],
      ['u 1', metered],
      ['u 2', undefined],
      ['u 3', metered],
      ['u 4', undefined],
    ] as const) {
      await host.program('busctl', answer);
      assert.equal(await host.reason({ metered: 'never' }), reason);
      assert.equal(await host.reason({ metered: 'any' }), undefined);
    }
  });

  test('else nmcli; nobody knows means no', async () => {
    await using host = await machine();
    assert.equal(await host.reason({ metered: 'never' }), undefined);
    await host.program('busctl', 'Failed to get property', 1);
    assert.equal(await host.reason({ metered: 'never' }), undefined);
    await host.program('nmcli', 'GENERAL.METERED:no (guessed)\n\nGENERAL.METERED:unknown');
    assert.equal(await host.reason({ metered: 'never' }), undefined);
    await host.program('nmcli', 'GENERAL.METERED:no\n\nGENERAL.METERED:yes (guessed)');
    assert.equal(await host.reason({ metered: 'never' }), metered);
  });
});

describe('the condition on destinations', () => {
  test('wants the directories of destinations on disks', async () => {
    await using host = await machine();
    const there = `${host.root}/disk/backups`;
    await mkdir(there, { recursive: true });
    const present = (...destinations: string[]): Promise<string | undefined> =>
      host.reason({ destinationPresent: true }, { destinations });
    assert.equal(
      await present(there, `file://${there}?option=1`, 's3://bucket/a', 'sftp://x/y'),
      undefined,
    );
    assert.equal(await present(there, `${there}-2`), `"${there}-2" is not there`);
    assert.equal(await present(`file://${host.root}/a%20b`), `"${host.root}/a b" is not there`);
    assert.equal(
      await host.reason({ destinationPresent: false }, { destinations: ['/nowhere'] }),
      undefined,
    );
  });

  test('does not take an empty mount point for the disk', async () => {
    await using host = await machine();
    const point = `${host.root}/my disk`;
    await mkdir(`${point}/backups`, { recursive: true });
    const escaped = point.replaceAll(' ', '\\040');
    await host.write(
      'fstab',
      `# a comment\n/dev/sda1 / ext4 defaults 0 1\nUUID=1 ${escaped} ext4 noauto 0 2\n/dev/sdb1 none swap sw 0 0\n`,
    );
    const root = '22 1 8:1 / / rw - ext4 /dev/sda1 rw\n';
    const mounted = `36 22 8:17 / ${escaped} rw,noatime - ext4 /dev/sdb1 rw\n`;
    const present = (): Promise<string | undefined> =>
      host.reason({ destinationPresent: true }, { destinations: [`${point}/backups`] });
    assert.equal(await present(), undefined, 'nobody tells what is mounted');
    await host.write('mountinfo', root);
    assert.equal(await present(), `Nothing is mounted at "${point}"`);
    await host.write('mountinfo', root + mounted);
    assert.equal(await present(), undefined);
  });
});

test('the first condition that does not hold is told', async () => {
  await using host = await machine();
  await host.write('net/route', '');
  await host.supply('BAT0', { ...battery, capacity: '3' });
  assert.equal(
    await host.reason({ network: true, destinationPresent: true }, { destinations: ['/nowhere'] }),
    'There is no connection to the network',
  );
  assert.deepEqual(await checkConditions({}, { destinations: ['/nowhere'], environment: {} }), {
    holds: true,
  });
});
