import { readFile } from 'node:fs/promises';

import { systemCodeOf } from '../../src/base/errors.ts';
import { blobVectors, chunkerVectors } from './content-vectors.ts';
import {
  descriptionVector,
  freshAgeSlot,
  keySlotVectors,
  type AgeSlotVector,
} from './key-slot-vectors.ts';
import { objectVectors } from './object-vectors.ts';
import {
  freshEncapsulations,
  keyVectors,
  sealingVectors,
  type Encapsulations,
} from './sealing-vectors.ts';

export const vectorFile = new URL('../../docs/formats/native-vectors.json', import.meta.url);

/** What cannot be made again from fixed inputs, and is therefore kept. */
export interface KeptVectors {
  readonly encapsulations: Encapsulations;
  readonly ageSlot: AgeSlotVector;
}

/** All vectors, section by section of the format page. */
export async function makeVectors({
  encapsulations,
  ageSlot,
}: KeptVectors): Promise<Record<string, unknown>> {
  return {
    about:
      'Test vectors of the native repository format, version 1: see native.md, section 16. Bytes are in hexadecimal.',
    keys: keyVectors(),
    sealing: sealingVectors(encapsulations),
    description: descriptionVector(),
    'key-slots': await keySlotVectors(ageSlot),
    objects: objectVectors(encapsulations),
    blobs: blobVectors(),
    chunker: chunkerVectors(),
  };
}

/** The kept parts of the file that is there, or fresh ones if there is none. */
export async function readKeptVectors(): Promise<KeptVectors> {
  let text: string;
  try {
    text = await readFile(vectorFile, 'utf8');
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error;
    return { encapsulations: freshEncapsulations(), ageSlot: await freshAgeSlot() };
  }
  const file = JSON.parse(text) as {
    readonly sealing: { readonly encapsulations: Encapsulations };
    readonly 'key-slots': { readonly 'public-key': AgeSlotVector };
  };
  return {
    encapsulations: file.sealing.encapsulations,
    ageSlot: file['key-slots']['public-key'],
  };
}
