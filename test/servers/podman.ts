import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { Agent, request } from 'undici';

import { missingPrograms } from './required-programs.ts';
import type { ServerKind } from './server-kind.ts';
import { serverDirectory, startServer, type TestServer } from './server.ts';

/** A container engine that speaks Docker's API at a socket. Containers have the file system of this machine, with changes thrown away; so no image is needed. */
export interface PodmanServer extends TestServer {
  readonly socket: string;
  /** The same for `DOCKER_HOST`. */
  readonly address: string;
  /** Makes a container and starts it; gives its id. */
  run(container: PodmanContainer): Promise<string>;
  /** What the engine itself says: `running`, `exited`, …, `undefined` if there is none of that name. */
  state(name: string): Promise<string | undefined>;
  stop(name: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Runs the check of its health now; nothing else does here, because that takes a running systemd. */
  checkHealth(name: string): Promise<void>;
  /** When it was started last, as text that changes with each start. */
  startedAt(name: string): Promise<string>;
}

export interface PodmanContainer {
  readonly name: string;
  /** Waits for SIGTERM by default. */
  readonly command?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
  /** A shell command. */
  readonly health?: string;
  readonly restart?: 'always';
  readonly removeAtEnd?: boolean;
  /** Made, but not started. */
  readonly stopped?: boolean;
  readonly hostname?: string;
  /** It may do only this. */
  readonly rights?: {
    readonly capabilities: readonly string[];
    /** A profile for seccomp. */
    readonly systemCalls: string;
    /** Directories; everything else is read-only. */
    readonly writes: readonly string[];
  };
  /** The name of a container whose network it shares. */
  readonly networkOf?: string;
}

const programs = ['podman', 'crun', 'conmon', 'unshare', 'umount', 'mount'];
/** A process that ends at once when it is asked to, from when it has said so: as the first of its container it is deaf to signals it does not handle. */
const waiting = [
  'sh',
  '-c',
  'trap "exit 0" TERM; echo ready; while :; do sleep 1000 & wait $!; done',
];

/** Why the tests with containers are left out; `false` when they can run. Under `CI` that is an error. */
export function noPodman(environment: NodeJS.ProcessEnv = process.env): string | false {
  const missing = missingPrograms(programs, environment);
  if (missing !== false || process.getuid?.() === 0) return missing;
  const reason = 'containers with the file system of this machine take root';
  if (environment['CI'] === 'true') throw new Error(`Under CI this test must run, but ${reason}`);
  return reason;
}

/**
 * Starts the engine in namespaces of its own: its mounts, its storage (in memory) and every process of its containers go with it, however it ends. Machines
 * that have both versions of cgroups at once get the second one hidden, which crun does not bear.
 */
export async function startPodman(): Promise<PodmanServer> {
  const directory = await serverDirectory();
  const of = (name: string): string => path.join(directory, name);
  await mkdir(of('storage'));
  await writeFile(of('start.sh'), startScript);
  const server = await startServer({
    directory,
    port: 0,
    programs: [
      {
        argv: [
          'unshare',
          '--mount',
          '--pid',
          '--fork',
          '--kill-child',
          '--mount-proc',
          'sh',
          of('start.sh'),
          directory,
        ],
        environment: { CONTAINERS_CONF: of('containers.conf') },
      },
    ],
    ready: () =>
      call(of('socket'), 'GET', '/_ping').then(
        () => true,
        () => false,
      ),
  });
  try {
    return await podmanServer(server, of('socket'));
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw new Error('podman cannot run a container on this machine', { cause: error });
  }
}

const startScript = `set -e
mountpoint -q /sys/fs/cgroup/unified && umount /sys/fs/cgroup/unified
mkdir -p /run/crun
# Traces of containers and locks go with the namespace too.
for place in "$1/storage" /run/crun /dev/shm; do mount -t tmpfs -o mode=755 tmpfs "$place"; done
files=$(ulimit -Hn); [ "$files" = unlimited ] && files=20000
cat >"$1/containers.conf" <<END
[containers]
default_ulimits = ["nofile=$files:$files", "nproc=4096:4096"]
cgroups = "disabled"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "crun"
END
podman --root "$1/storage/root" --runroot "$1/storage/run" --tmpdir "$1/storage/tmp" --storage-driver overlay \\
  system service --time=0 "unix://$1/socket" &
wait $!
`;

async function podmanServer(server: TestServer, socket: string): Promise<PodmanServer> {
  const libpod = (
    method: 'GET' | 'POST' | 'DELETE',
    place: string,
    body?: unknown,
  ): Promise<unknown> => call(socket, method, `/v4.0.0/libpod${place}`, body);
  const inspect = async (name: string): Promise<Inspected | undefined> => {
    try {
      return (await libpod('GET', `/containers/${name}/json`)) as Inspected;
    } catch (error) {
      if (error instanceof Error && /no such container/u.test(error.message)) return undefined;
      throw error;
    }
  };
  const podman: PodmanServer = {
    ...server,
    socket,
    address: `unix://${socket}`,
    async run(container) {
      const { Id } = (await libpod('POST', '/containers/create', specOf(container))) as {
        Id: string;
      };
      if (container.stopped === true) return Id;
      await libpod('POST', `/containers/${Id}/start`);
      const words = (): Promise<unknown> => libpod('GET', `/containers/${Id}/logs?stdout=true`);
      while (container.command === undefined && !String(await words()).includes('ready'))
        await new Promise((resolve) => setTimeout(resolve, 5));
      return Id;
    },
    state: async (name) => (await inspect(name))?.State.Status,
    startedAt: async (name) => (await inspect(name))?.State.StartedAt ?? '',
    stop: async (name) => void (await libpod('POST', `/containers/${name}/stop?timeout=1`)),
    async remove(name) {
      for (let attempt = 1; ; attempt++) {
        try {
          await libpod('DELETE', `/containers/${name}?force=true&timeout=0`);
          return;
        } catch (error) {
          // One that ends by itself at this very moment.
          if (attempt === 20 || !/state improper/u.test(String(error))) throw error;
          await new Promise((resolve) => setTimeout(resolve, 25));
        }
      }
    },
    checkHealth: async (name) => void (await libpod('GET', `/containers/${name}/healthcheck`)),
  };
  await podman.run({ name: 'probe', command: ['true'] });
  await podman.remove('probe');
  return podman;
}

interface Inspected {
  readonly State: { readonly Status: string; readonly StartedAt: string };
}

function specOf(container: PodmanContainer): unknown {
  const { name, command = waiting, labels = {}, environment = {} } = container;
  return {
    name,
    command,
    labels,
    env: environment,
    rootfs: '/',
    rootfs_overlay: true,
    netns:
      container.networkOf === undefined
        ? { nsmode: 'none' }
        : { nsmode: 'container', value: container.networkOf },
    ...(container.rights !== undefined && rightsOf(container.rights)),
    ...(container.hostname !== undefined && { hostname: container.hostname }),
    ...(container.restart !== undefined && { restart_policy: container.restart }),
    ...(container.removeAtEnd === true && { remove: true }),
    ...(container.health !== undefined && {
      healthconfig: {
        Test: ['CMD-SHELL', container.health],
        Retries: 1,
        Timeout: 5_000_000_000,
        Interval: 0,
      },
    }),
  };
}

function rightsOf(rights: NonNullable<PodmanContainer['rights']>): object {
  return {
    cap_drop: ['all'],
    cap_add: rights.capabilities,
    no_new_privileges: true,
    seccomp_profile_path: rights.systemCalls,
    read_only_filesystem: true,
    mounts: rights.writes.map((place) => ({
      destination: place,
      source: place,
      type: 'bind',
      options: ['rw', 'rbind'],
    })),
  };
}

/** Rejects with what the engine says, unless all is well. */
async function call(
  socketPath: string,
  method: 'GET' | 'POST' | 'DELETE',
  place: string,
  body?: unknown,
): Promise<unknown> {
  const dispatcher = new Agent({ connect: { socketPath } });
  try {
    const answer = await request(`http://localhost${place}`, {
      dispatcher,
      method,
      ...(body !== undefined && {
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      }),
    });
    const text = await answer.body.text();
    if (answer.statusCode >= 400 && answer.statusCode !== 409)
      throw new Error(`${method} ${place}: ${answer.statusCode} ${text}`);
    return text.startsWith('{') ? (JSON.parse(text) as unknown) : text;
  } finally {
    await dispatcher.destroy();
  }
}

export const serverKind: ServerKind<PodmanServer> = {
  name: 'podman',
  programs,
  start: startPodman,
  usage: ({ address }) => `DOCKER_HOST=${address}`,
};
