import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { decodeSteps, encodeSteps, type FileStep } from './file-script.ts';

test('steps come out as they went in, also where directories repeat', () => {
  const directories = [Uint8Array.of(), Uint8Array.of(97), Uint8Array.of(97, 47, 255)];
  const plain = { noNullPrototype: true } as const;
  const bytes = fc.uint8Array({ maxLength: 40 });
  const directory = fc.constantFrom(...directories);
  const step: fc.Arbitrary<FileStep> = fc.oneof(
    fc.record(
      { kind: fc.constant('whole' as const), update: fc.boolean(), directory, entry: bytes },
      plain,
    ),
    fc.record(
      {
        kind: fc.constant('part' as const),
        update: fc.boolean(),
        directory,
        name: bytes,
        position: fc.maxSafeNat(),
      },
      plain,
    ),
  );
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      assert.deepEqual(decodeSteps(encodeSteps(steps)), steps);
    }),
  );
});
