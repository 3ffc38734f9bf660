import { AppError } from '../../../base/errors.ts';
import { elements, field, textField } from '../../network/json-field.ts';
import type { SwiftOptions } from './swift-options.ts';

/** One address of the object storage, as the catalogue of a token lists it. */
export interface StorageEndpoint {
  readonly region: string;
  /** `public`, `internal` or `admin`. */
  readonly interface: string;
  readonly url: string;
}

const interfaces = ['public', 'internal', 'admin'] as const;

/** The object storage in a catalogue of Keystone's version 3. */
export function endpointsOfV3(catalogue: unknown): readonly StorageEndpoint[] {
  return storages(catalogue).flatMap((endpoint) => {
    const url = textField(endpoint, 'url');
    return url === undefined
      ? []
      : [
          {
            region: textField(endpoint, 'region') ?? textField(endpoint, 'region_id') ?? '',
            interface: textField(endpoint, 'interface') ?? 'public',
            url,
          },
        ];
  });
}

/** The object storage in a catalogue of Keystone's version 2. */
export function endpointsOfV2(catalogue: unknown): readonly StorageEndpoint[] {
  return storages(catalogue).flatMap((endpoint) =>
    interfaces.flatMap((kind) => {
      const url = textField(endpoint, `${kind}URL`);
      const region = textField(endpoint, 'region') ?? '';
      return url === undefined ? [] : [{ region, interface: kind, url }];
    }),
  );
}

/**
 * The address to be used. Throws `input/usage` when the region is not there, or has to be said; both times it names those that are there.
 */
export function storageEndpoint(
  endpoints: readonly StorageEndpoint[],
  options: Pick<SwiftOptions, 'interface' | 'region'>,
): string {
  const wanted = options.interface.replace(/URL$/iu, '').toLowerCase();
  const reachable = endpoints.filter((endpoint) => endpoint.interface === wanted);
  const regions = [...new Set(reachable.map(({ region }) => region))].filter(Boolean).toSorted();
  if (reachable.length === 0) {
    throw new AppError(
      'storage/access-denied',
      endpoints.length === 0
        ? 'The catalogue of services has no object storage for these credentials'
        : `The catalogue of services has no ${wanted} address of the object storage`,
      {
        hint:
          endpoints.length === 0
            ? 'Look at project and domain, and whether the project may use the object storage'
            : `Set the option "interface" to one of: ${[...new Set(endpoints.map((endpoint) => endpoint.interface))].toSorted().join(', ')}`,
      },
    );
  }
  const { region } = options;
  const chosen =
    region === undefined
      ? reachable
      : reachable.filter((endpoint) => endpoint.region.toLowerCase() === region.toLowerCase());
  const [first] = chosen;
  if (first === undefined) {
    throw new AppError('input/usage', `There is no object storage in the region "${region}"`, {
      hint: `Regions there are: ${regions.join(', ')}`,
    });
  }
  if (new Set(chosen.map(({ url }) => url)).size > 1 && region === undefined) {
    throw new AppError('input/usage', 'The object storage has several regions', {
      hint: `Choose one with the option "region": ${regions.join(', ')}`,
    });
  }
  return first.url.replace(/\/+$/u, '');
}

function storages(catalogue: unknown): readonly unknown[] {
  return elements(catalogue)
    .filter((service) => field(service, 'type') === 'object-store')
    .flatMap((service) => elements(field(service, 'endpoints')));
}
