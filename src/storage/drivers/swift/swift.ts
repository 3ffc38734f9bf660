import type { RawValue } from '../../option-schema.ts';
import { AppError } from '../../../base/errors.ts';
import { defineDriver } from '../../driver.ts';
import type { DestinationUrl } from '../../url.ts';
import { authenticationOf } from './authentication.ts';
import { readOnly } from './read-only.ts';
import { SwiftConnection } from './swift-connection.ts';
import { type SwiftOptions, swiftOptions } from './swift-options.ts';
import { SwiftStorage } from './swift-storage.ts';

/** Requests at once: over a line of 30 ms this is what keeps small objects moving. */
const concurrency = 16;

/** `swift://CONTAINER/PREFIX`: a container of OpenStack's object storage, of Rackspace, or of OVH's archive. */
export const swiftDriver = defineDriver({
  scheme: 'swift',
  title: 'OpenStack Swift, Rackspace Cloud Files',
  urlForms: [
    'swift://CONTAINER/PREFIX',
    'openstack://CONTAINER/PREFIX',
    'rackspace://CONTAINER/PREFIX',
    'cf+http://CONTAINER',
    'pca://CONTAINER/PREFIX',
  ],
  testedAgainst: 'OpenStack Swift 2.30 with TempAuth and with Keystone',
  options: swiftOptions,
  fromUrl,
  async open(options, { clock, environment, warn }) {
    const connection = new SwiftConnection({
      authentication: authenticationOf(options),
      tls: options,
      connections: concurrency * 2,
      clock,
      environment,
    });
    const storage = new SwiftStorage({
      connection,
      location: locationOf(options),
      container: options.container,
      prefix: options.prefix,
      createContainer: options['create-container'],
      storagePolicy: options['storage-policy'],
      uploadCutoff: options['upload-cutoff'],
      segmentSize: Math.max(1, options['segment-size']),
      listingLag: options['listing-lag'] === undefined ? undefined : options['listing-lag'] / 1000,
      concurrency,
      warn,
    });
    if (options.provider !== 'ovh-archive') return storage;
    warn(
      new AppError(
        'storage/access-denied',
        `"${storage.location}" is OVH's cold archive: its objects have to be unsealed before they can be read`,
        {
          hint: 'Reading an object asks for it, and it can be read hours later; the archive is fit for reading old backups, not for making new ones',
        },
      ),
    );
    return readOnly(storage);
  },
});

function fromUrl(url: DestinationUrl): Readonly<Record<string, RawValue>> {
  const { host, port, path, scheme, user, password } = url;
  if (host === undefined) {
    throw new AppError('input/usage', `The ${scheme} URL names no container`, {
      hint: 'Write swift://CONTAINER/PREFIX',
    });
  }
  if (port !== undefined) {
    throw new AppError('input/usage', `The ${scheme} URL has a port where it names a container`, {
      hint: 'Write swift://CONTAINER/PREFIX, and the server in the option "auth-url"',
    });
  }
  return {
    container: host,
    prefix: path.replaceAll(/^\/+|\/+$/gu, ''),
    ...(user !== undefined && { username: user }),
    ...(password !== undefined && { password }),
    ...((scheme === 'rackspace' || scheme === 'cf+http') && { provider: 'rackspace' }),
    ...(scheme === 'pca' && { provider: 'ovh-archive' }),
  };
}

function locationOf({ container, prefix }: SwiftOptions): string {
  return `swift://${container}${prefix === '' ? '' : `/${prefix}`}`;
}
