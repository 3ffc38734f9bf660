import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ContainerDetails } from './container-details.ts';
import { isOwnContainer, ownContainerOf, type OwnContainerTraces } from './own-container.ts';

const id = '1f'.repeat(32);
const other = '2e'.repeat(32);

const container = (details: Partial<ContainerDetails> = {}): ContainerDetails => ({
  id,
  name: 'holdfast',
  labels: {},
  state: 'running',
  exitStatus: 0,
  health: 'none',
  isRemovedAtEnd: false,
  hostname: id.slice(0, 12),
  networkMode: 'bridge',
  joins: [],
  ...details,
});

const traces = (some: Partial<OwnContainerTraces>): OwnContainerTraces => ({
  cgroup: '0::/\n',
  mountinfo: '',
  hostname: 'machine',
  isInside: true,
  ...some,
});

const dockerMounts = `1 2 0:1 / / rw - overlay overlay rw,upperdir=/var/lib/docker/overlay2/${other}/diff
3 2 8:1 /var/lib/docker/containers/${id}/hostname /etc/hostname rw,relatime - ext4 /dev/sda1 rw
`;

for (const [what, some] of [
  [
    'cgroups of the first version',
    { cgroup: `12:pids:/docker/${id}\n1:name=systemd:/docker/${id}\n` },
  ],
  ['cgroups of systemd', { cgroup: `0::/system.slice/docker-${id}.scope\n` }],
  ['cgroups of podman', { cgroup: `0::/machine.slice/libpod-${id}.scope/container\n` }],
  ['mounts of Docker', { mountinfo: dockerMounts }],
  [
    'mounts of podman',
    {
      mountinfo: `1 2 0:1 /containers/overlay-containers/${id}/userdata/hosts /etc/hosts rw - tmpfs tmpfs rw\n`,
    },
  ],
  ['the host name that the engine gives', { hostname: id.slice(0, 12) }],
] as const) {
  test(`the own container is known by ${what}`, () => {
    const own = ownContainerOf(traces(some));
    assert.equal(isOwnContainer(own, container()), true);
    assert.equal(isOwnContainer(own, container({ id: other, hostname: 'x' })), false);
  });
}

test('a chosen host name counts only inside of a container, and not on the host network', () => {
  const inside = ownContainerOf(traces({ hostname: 'backup' }));
  assert.equal(isOwnContainer(inside, container({ hostname: 'backup' })), true);
  assert.equal(
    isOwnContainer(inside, container({ hostname: 'backup', networkMode: 'host' })),
    false,
  );
  const outside = ownContainerOf(traces({ hostname: 'backup', isInside: false }));
  assert.equal(isOwnContainer(outside, container({ hostname: 'backup' })), false);
});

test('a machine that runs containers is in none of them', () => {
  const mountinfo = `9 2 0:1 / /var/lib/docker/overlay2/${id}/merged rw - overlay overlay rw
10 2 0:1 / /var/lib/containers/storage/overlay-containers/${id}/userdata/shm rw - tmpfs shm rw
`;
  const own = ownContainerOf(traces({ mountinfo, isInside: false }));
  assert.deepEqual(own, { ids: [] });
});
