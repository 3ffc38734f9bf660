import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';

import { AppError, messageOf } from '../../base/errors.ts';

/** Where a Docker-compatible engine answers. */
export interface DockerEndpoint {
  /** For people: `unix:///run/docker.sock`, `tcp://host:2376`. */
  readonly address: string;
  /** What requests go to; a placeholder for a socket. */
  readonly origin: string;
  readonly socketPath?: string;
  /** The name of the machine, if it is not reached by a socket: it may be a container too, such as a proxy of the socket. */
  readonly host?: string;
  readonly tls?: DockerTls;
}

/** PEM texts. */
export interface DockerTls {
  readonly ca?: string;
  readonly certificate?: string;
  readonly key?: string;
}

/** What says where the engine is. */
export interface DockerPlaces {
  /** `unix:///path`, `tcp://host:2375`, `tcp://host:2376?tls=/directory` (or `ca=`, `cert=`, `key=` files), `https://…`. */
  readonly address?: string | undefined;
  /** `DOCKER_HOST`, `DOCKER_TLS_VERIFY`, `DOCKER_CERT_PATH`, `CONTAINER_HOST` and `XDG_RUNTIME_DIR` count where there is no address. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * Finds the engine: the given address, `DOCKER_HOST`, `CONTAINER_HOST`, or the first usual socket that is there.
 *
 * @throws AppError `input/invalid` for an address that cannot be one or a key file that cannot be read
 */
export async function findDockerEndpoint(places: DockerPlaces): Promise<DockerEndpoint> {
  const { environment } = places;
  const given = places.address || environment['DOCKER_HOST'] || environment['CONTAINER_HOST'];
  if (given === undefined || given === '') return socketEndpoint(await usualSocket(environment));
  if (given.startsWith('/')) return socketEndpoint(given);
  const url = readAddress(given);
  if (url.protocol === 'unix:') return socketEndpoint(decodeURIComponent(url.pathname));
  const isSecure =
    url.protocol === 'https:' ||
    ['tls', 'ca', 'cert', 'key'].some((name) => url.searchParams.has(name)) ||
    (places.address === undefined && (environment['DOCKER_TLS_VERIFY'] ?? '') !== '');
  const port = url.port === '' ? (isSecure ? '2376' : '2375') : url.port;
  return {
    address: `${url.protocol === 'https:' ? 'https' : 'tcp'}://${url.hostname}:${port}`,
    origin: `${isSecure ? 'https' : 'http'}://${url.hostname}:${port}`,
    host: url.hostname,
    ...(isSecure && { tls: await readTls(given, url.searchParams, environment) }),
  };
}

function socketEndpoint(socketPath: string): DockerEndpoint {
  return { address: `unix://${socketPath}`, origin: 'http://localhost', socketPath };
}

function readAddress(given: string): URL {
  const scheme = /^([a-z+]+):\/\//u.exec(given)?.[1] ?? '';
  // `new URL` takes only known schemes apart.
  const known = given.replace(/^tcp:/u, 'http:');
  const url = URL.canParse(known) ? new URL(known) : undefined;
  if (url !== undefined && scheme === 'unix' && url.pathname !== '') return url;
  if (url !== undefined && ['tcp', 'http', 'https'].includes(scheme) && url.hostname !== '')
    return url;
  throw new AppError('input/invalid', `"${given}" is not the address of a container engine`, {
    hint: 'Write unix:///path/of/docker.sock or tcp://HOST:PORT',
  });
}

async function usualSocket(environment: DockerPlaces['environment']): Promise<string> {
  const runtime = environment['XDG_RUNTIME_DIR'];
  const candidates = [
    '/var/run/docker.sock',
    '/run/podman/podman.sock',
    ...(runtime === undefined ? [] : [`${runtime}/docker.sock`, `${runtime}/podman/podman.sock`]),
  ];
  for (const candidate of candidates)
    if ((await stat(candidate).catch(() => undefined))?.isSocket() === true) return candidate;
  return '/var/run/docker.sock';
}

/** The files `ca.pem`, `cert.pem` and `key.pem` of a directory, as Docker's own programs have them, or each by its own name. */
async function readTls(
  given: string,
  query: URLSearchParams,
  environment: DockerPlaces['environment'],
): Promise<DockerTls> {
  const named = query.get('tls') ?? '';
  const directory = named.startsWith('/') ? named : environment['DOCKER_CERT_PATH'];
  const read = async (name: string): Promise<string | undefined> => {
    const chosen = query.get(name);
    const file =
      chosen ?? (directory === undefined ? undefined : path.join(directory, `${name}.pem`));
    if (file === undefined) return undefined;
    try {
      return await readFile(file, 'utf8');
    } catch (cause) {
      const where = given.replace(/\?.*$/su, '');
      const message = `Cannot read "${file}" for the container engine at "${where}": ${messageOf(cause)}`;
      throw new AppError('input/invalid', message, { cause });
    }
  };
  const [ca, certificate, key] = await Promise.all([read('ca'), read('cert'), read('key')]);
  return {
    ...(ca !== undefined && { ca }),
    ...(certificate !== undefined && { certificate }),
    ...(key !== undefined && { key }),
  };
}
