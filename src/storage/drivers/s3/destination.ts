import { isIP } from 'node:net';

import { AppError } from '../../../base/errors.ts';
import { shownAddress } from '../../shown-address.ts';
import { checkObjectName } from '../../object-name.ts';
import { knownHost, type Preset, presetNamed, presetOfScheme } from './presets.ts';
import type { S3Options } from './schema.ts';

/** Where objects go. */
export interface S3Destination {
  readonly preset: Preset;
  /** `https://host[:port]`; `undefined` where the SDK knows the endpoints itself (Amazon). */
  readonly endpoint: URL | undefined;
  /** `undefined` where the profile or the usual region decides. */
  readonly region: string | undefined;
  /** The user says so: then it is not changed when the service says otherwise. */
  readonly regionIsGiven: boolean;
  readonly bucket: string;
  /** Empty, or with a slash at its end. */
  readonly prefix: string;
  readonly pathStyle: boolean;
  /** For people. */
  readonly location: string;
}

export type DestinationOptions = Pick<
  S3Options,
  | 'place'
  | 'path'
  | 'scheme'
  | 'provider'
  | 'endpoint'
  | 'region'
  | 'account'
  | 'bucket'
  | 'path-style'
  | 'tls'
>;

/**
 * Tells the server from the bucket. With the option `endpoint`, the URL names no server. Otherwise what follows the slashes is a server
 * when it has a port, is `localhost` or an address, is a host of a service in the table of presets, or when the provider has no host of
 * its own (MinIO, Ceph …); after `s3+https` it always is one, after `s3+http` also when it has a dot. Anything else is the bucket, on
 * the host of the provider, Amazon by default. After a server comes the bucket. With the option `bucket` all that is left is the prefix.
 *
 * Throws `input/usage`.
 */
export function s3Destination(options: DestinationOptions): S3Destination {
  const { place, path, scheme, account } = options;
  const server = serverOf(options);
  const rest = (server.isPlace ? path : `${place}${path}`).split('/').filter((part) => part !== '');
  const bucket = options.bucket ?? server.bucket ?? rest.shift();
  if (bucket === undefined || bucket === '') {
    throw new AppError('input/usage', `The ${scheme} URL names no bucket`, {
      hint: 'Write s3://BUCKET/PREFIX, or s3://HOST:PORT/BUCKET/PREFIX for a server of your own',
    });
  }
  const full =
    server.preset.name === 'tencent' && account !== undefined && !bucket.endsWith(`-${account}`)
      ? `${bucket}-${account}`
      : bucket;
  const prefix = rest.map((part) => `${part}/`).join('');
  if (prefix !== '') checkObjectName(prefix.slice(0, -1));
  const host = server.endpoint === undefined ? '' : `${server.endpoint.host}/`;
  return {
    preset: server.preset,
    endpoint: server.endpoint,
    region: server.region,
    regionIsGiven: options.region !== undefined,
    bucket: full,
    prefix,
    pathStyle: options['path-style'] ?? defaultStyle(server, full),
    location: `s3://${host}${full}${prefix === '' ? '' : `/${prefix.slice(0, -1)}`}`,
  };
}

interface Server {
  readonly preset: Preset;
  readonly endpoint: URL | undefined;
  readonly region: string | undefined;
  /** Whether `place` was it. */
  readonly isPlace: boolean;
  /** Named by the host itself. */
  readonly bucket?: string | undefined;
}

function serverOf(options: DestinationOptions): Server {
  const { place, scheme, endpoint } = options;
  if (endpoint !== undefined) return namedServer(endpoint, options, false);
  const wanted = options.provider ?? presetOfScheme(scheme);
  if (isServer(place, scheme, wanted && presetNamed(wanted)))
    return namedServer(place, options, true);
  const preset = presetNamed(wanted ?? 'aws');
  const [template] = preset.endpoints ?? [];
  if (preset.name === 'aws' && options.tls !== false)
    return { preset, endpoint: undefined, region: options.region, isPlace: false };
  if (template === undefined) {
    // Only IDrive e2, which gives every account a host of its own.
    throw new AppError(
      'input/usage',
      `${preset.title} has a host for each account, and the URL names none`,
      {
        hint: `Write ${scheme}://HOST/BUCKET with the endpoint that its console shows, or name it with the option "endpoint"`,
      },
    );
  }
  const region = options.region ?? preset.region;
  const host = filled(template, { region, account: options.account }, preset);
  return { preset, endpoint: urlOf(host, options), region, isPlace: false };
}

/** A server that the user has written down. */
function namedServer(written: string, options: DestinationOptions, isPlace: boolean): Server {
  const url = urlOf(written, options);
  const known = knownHost(url.hostname);
  const wanted = options.provider ?? presetOfScheme(options.scheme);
  const preset =
    wanted === undefined ? (known?.preset ?? presetNamed('other')) : presetNamed(wanted);
  const region = options.region ?? known?.region ?? preset.region;
  if (known !== undefined && known.bucket !== undefined) url.hostname = known.host;
  // The SDK finds Amazon's hosts by the region, and follows what differs in China and elsewhere.
  const bySdk = preset.name === 'aws' && isUsualAmazon(url);
  return {
    preset,
    endpoint: bySdk ? undefined : url,
    region: bySdk ? (options.region ?? known?.region) : region,
    isPlace,
    ...(isPlace && { bucket: known?.bucket }),
  };
}

function isServer(place: string, scheme: string, preset: Preset | undefined): boolean {
  if (place === '') return false;
  const host = place.replace(/:[0-9]+$/u, '');
  if (host !== place || place.startsWith('[') || isIP(place) !== 0) return true;
  if (place === 'localhost' || place.endsWith('.localhost')) return true;
  if (knownHost(place) !== undefined) return true;
  if (scheme === 's3+https' || (scheme === 's3+http' && place.includes('.'))) return true;
  return preset !== undefined && preset.endpoints === undefined && preset.name !== 'idrive';
}

function urlOf(written: string, { tls, scheme }: DestinationOptions): URL {
  const text = /^https?:\/\//iu.test(written)
    ? written
    : `${(tls ?? scheme !== 's3+http') ? 'https' : 'http'}://${written}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url === undefined ||
    url.hostname === '' ||
    `${url.pathname}${url.search}${url.username}` !== '/'
  ) {
    throw new AppError(
      'input/usage',
      `"${shownAddress(written)}" is no server that can be reached`,
      {
        hint: 'Write HOST, HOST:PORT or https://HOST:PORT',
      },
    );
  }
  if (tls !== undefined) url.protocol = tls ? 'https:' : 'http:';
  return url;
}

function filled(
  template: string,
  values: Readonly<Record<string, string | undefined>>,
  { title, name, regions }: Preset,
): string {
  return template.replaceAll(/\{(?<what>[a-z]+)\}/gu, (_, what: string) => {
    const value = values[what];
    if (value !== undefined) return value;
    throw new AppError('input/usage', `The option "${what}" is missing: ${title} needs it`, {
      hint:
        what === 'region' && regions !== undefined
          ? `Its regions are for example ${regions.join(', ')}`
          : `Name it with the option "${what}", or the whole server with "endpoint" (provider ${name})`,
    });
  });
}

/** `s3.amazonaws.com` and `s3.REGION.amazonaws.com`, over TLS at the usual port. */
function isUsualAmazon({ protocol, hostname, port }: URL): boolean {
  return (
    protocol === 'https:' &&
    port === '' &&
    /^s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?$/u.test(hostname)
  );
}

/** A certificate for `*.host` does not hold for buckets with dots, and nobody has names for what an address stands for. */
function defaultStyle({ preset, endpoint }: Server, bucket: string): boolean {
  const host = endpoint?.hostname.replaceAll(/[[\]]/gu, '') ?? '';
  if (isIP(host) !== 0 || host === 'localhost') return true;
  return preset.style === 'path' || bucket.includes('.');
}
