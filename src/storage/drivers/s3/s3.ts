import { AppError } from '../../../base/errors.ts';
import { Secret } from '../../../base/secret.ts';
import { defineDriver, type DriverContext } from '../../driver.ts';
import { tlsTrust } from '../../network/tls.ts';
import { type Credentials, S3Connection } from './connection.ts';
import { s3Destination } from './destination.ts';
import { checkPutOptions } from './put-settings.ts';
import { concurrency, S3Storage } from './s3-storage.ts';
import { type S3Options, s3Options } from './schema.ts';

const smallestPart = 5 * 1024 ** 2;
const largestPart = 5 * 1024 ** 3;

/** Connections that the parts of large objects may take besides. */
const forParts = 40;

/** Any service that speaks S3. */
export const s3Driver = defineDriver({
  scheme: 's3',
  title: 'S3: Amazon and every service that speaks its protocol',
  urlForms: [
    's3://BUCKET/PREFIX',
    's3://HOST:PORT/BUCKET/PREFIX',
    's3+http://HOST:PORT/BUCKET/PREFIX',
    's3://BUCKET/PREFIX?endpoint=HOST',
    'wasabi://BUCKET/PREFIX',
    'minio://HOST:PORT/BUCKET/PREFIX',
    'r2://BUCKET/PREFIX?account=ACCOUNT',
    'e2://BUCKET/PREFIX?endpoint=HOST',
    'oss://BUCKET/PREFIX?region=REGION',
    'cos://BUCKET/PREFIX?region=REGION',
  ],
  testedAgainst: 'Ceph RADOS Gateway and OpenStack Swift',
  options: s3Options,
  fromUrl({ scheme, user, password, host, port, path }) {
    const name = host?.includes(':') === true ? `[${host}]` : (host ?? '');
    return {
      scheme: scheme.replace(/^boto3?\+/u, ''),
      place: port === undefined ? name : `${name}:${port}`,
      path,
      ...(user !== undefined && { 'access-key-id': user }),
      ...(password !== undefined && { 'secret-access-key': password }),
    };
  },
  async open(options, context) {
    checkPutOptions(options);
    const partSize = options['part-size'];
    if (partSize < smallestPart || partSize > largestPart) {
      throw new AppError('input/usage', 'The option "part-size" must be from 5MiB to 5GiB');
    }
    const destination = s3Destination(options);
    const { clock, environment, warn } = context;
    const connection = await S3Connection.open({
      destination,
      clock,
      environment,
      credentials: credentialsIn(options, context),
      profile: options.profile,
      trust: await tlsTrust(options, { ...addressOf(destination), signal: context.signal }),
      connections: concurrency + forParts,
    });
    return new S3Storage(connection, options, warn);
  },
});

/** The key that was given; `undefined` when the SDK is to look for one. Throws `input/usage` for half a key. */
function credentialsIn(
  options: Pick<
    S3Options,
    'access-key-id' | 'secret-access-key' | 'session-token' | 'profile' | 'provider'
  >,
  { environment }: Pick<DriverContext, 'environment'>,
): Credentials | undefined {
  const {
    'access-key-id': id = '',
    'secret-access-key': secret = new Secret(''),
    'session-token': token,
    profile,
  } = options;
  const isFromEnvironment = id !== '' && id === environment['AWS_ACCESS_KEY_ID'];
  if (profile !== undefined && (id === '' || isFromEnvironment)) return undefined;
  if (id === '' && secret.reveal() === '') return googleKey(options, environment);
  if (id === '' || secret.reveal() === '') {
    const [given, missing] = ['access-key-id', 'secret-access-key'].toSorted((name) =>
      (name === 'access-key-id') === (id !== '') ? -1 : 1,
    );
    throw new AppError('input/usage', `There is "${given}" but no "${missing}"`, {
      hint: `Give both; "${missing}" may come from a file, as "${missing}-file"`,
    });
  }
  const sessionToken =
    token?.reveal() ?? (isFromEnvironment ? environment['AWS_SESSION_TOKEN'] : undefined);
  return {
    accessKeyId: id,
    secretAccessKey: secret.reveal(),
    ...(sessionToken && { sessionToken }),
  };
}

/** duplicity's names of the keys for Google's interoperability. */
function googleKey(
  { provider }: Pick<S3Options, 'provider'>,
  environment: DriverContext['environment'],
): Credentials | undefined {
  const { GS_ACCESS_KEY_ID: id, GS_SECRET_ACCESS_KEY: secret } = environment;
  if (provider !== 'google' || !id || !secret) return undefined;
  return { accessKeyId: id, secretAccessKey: secret };
}

/** Which host shows its certificate. */
function addressOf({ endpoint, region, bucket, pathStyle }: ReturnType<typeof s3Destination>): {
  readonly host: string;
  readonly port: number;
} {
  const host = endpoint?.hostname ?? `s3.${region ?? 'us-east-1'}.amazonaws.com`;
  const port = endpoint === undefined || endpoint.port === '' ? 443 : Number(endpoint.port);
  return { host: pathStyle ? host : `${bucket}.${host}`, port };
}
