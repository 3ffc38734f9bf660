import { AppError } from '../../../base/errors.ts';
import { shownAddress } from '../../shown-address.ts';
import { defineDriver } from '../../driver.ts';
import { HttpClient } from '../../network/http-client.ts';
import { tlsTrust } from '../../network/tls.ts';
import type { RawValue } from '../../option-schema.ts';
import type { DestinationUrl } from '../../url.ts';
import { GoogleTokens } from './google-tokens.ts';
import { GsConnection } from './gs-connection.ts';
import { GsJsonApi } from './gs-json-api.ts';
import { type GsOptions, gsOptions } from './gs-options.ts';
import { GsStorage } from './gs-storage.ts';
import { GsXmlApi } from './gs-xml-api.ts';
import { HmacKeys } from './hmac-keys.ts';

/** Requests at once: over a line of 30 ms this is what keeps small objects moving. */
const concurrency = 16;

/** `gs://BUCKET/PREFIX`: Google Cloud Storage. */
export const gsDriver = defineDriver({
  scheme: 'gs',
  title: 'Google Cloud Storage',
  urlForms: ['gs://BUCKET/PREFIX', 'gcs://BUCKET/PREFIX'],
  testedAgainst: 'a simulator',
  options: gsOptions,
  fromUrl,
  async open(options, { clock, environment, signal }) {
    const endpoint = endpointOf(options);
    const trust =
      endpoint.protocol === 'https:'
        ? await tlsTrust(options, {
            host: endpoint.hostname,
            port: Number(endpoint.port === '' ? 443 : endpoint.port),
            signal,
          })
        : {};
    const client = new HttpClient({ trust, connections: concurrency * 2, environment });
    // Tokens come from other servers than objects, which the fingerprint or authority of a private endpoint says nothing of.
    const tokens = new HttpClient({ connections: 2, environment });
    const keyId = options['access-key-id'];
    const secret = options['secret-access-key'];
    if ((keyId === undefined) !== (secret === undefined)) {
      throw new AppError(
        'input/usage',
        `Of the interoperability key only the ${keyId === undefined ? 'secret' : 'id'} was given`,
        { hint: 'Give both GS_ACCESS_KEY_ID and GS_SECRET_ACCESS_KEY' },
      );
    }
    const api =
      keyId === undefined || secret === undefined
        ? new GsJsonApi({
            connection: new GsConnection({
              endpoint,
              client,
              authorizer: new GoogleTokens(options, { clock, client: tokens }),
            }),
            options,
            clock,
          })
        : new GsXmlApi(
            new GsConnection({ endpoint, client, authorizer: new HmacKeys(keyId, secret, clock) }),
            options,
          );
    return new GsStorage({
      api,
      location: `gs://${options.bucket}${options.prefix === '' ? '' : `/${options.prefix}`}`,
      prefix: options.prefix,
      createBucket: options['create-bucket'],
      concurrency,
      close: async () => {
        await client[Symbol.asyncDispose]();
        await tokens[Symbol.asyncDispose]();
      },
    });
  },
});

function fromUrl(url: DestinationUrl): Readonly<Record<string, RawValue>> {
  const { host, port, path, scheme, user, password } = url;
  if (host === undefined || port !== undefined) {
    throw new AppError(
      'input/usage',
      host === undefined
        ? `The ${scheme} URL names no bucket`
        : `The ${scheme} URL has a port where it names a bucket`,
      {
        hint: 'Write gs://BUCKET/PREFIX; another server than that of Google goes in the option "endpoint"',
      },
    );
  }
  return {
    bucket: host,
    prefix: path.replaceAll(/^\/+|\/+$/gu, ''),
    ...(user !== undefined && { 'access-key-id': user }),
    ...(password !== undefined && { 'secret-access-key': password }),
  };
}

function endpointOf({ endpoint }: GsOptions): URL {
  const url = URL.parse(/^https?:\/\//iu.test(endpoint) ? endpoint : `https://${endpoint}`);
  if (url !== null && url.username === '' && url.pathname === '/') return url;
  throw new AppError(
    'input/usage',
    `The option "endpoint" is no address of a server: "${shownAddress(endpoint)}"`,
    {
      hint: 'Write it as https://storage.googleapis.com',
    },
  );
}
