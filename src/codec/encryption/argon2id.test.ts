import assert from 'node:assert/strict';
import { registerHooks } from 'node:module';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { argon2id, nodeArgon2id, packageArgon2id } from './argon2id.ts';

describe('Argon2id', () => {
  // Before the others: what was found once is not looked for again.
  test('is made by Node where the package is not there', async () => {
    const hooks = registerHooks({
      resolve(specifier, context, nextResolve) {
        if (specifier === '@node-rs/argon2') throw new Error('It was left out');
        return nextResolve(specifier, context);
      },
    });
    const again = './argon2id.ts?without';
    const without = (await import(again)) as typeof import('./argon2id.ts');
    const message = Buffer.from('password');
    const salt = Buffer.from('somesalt');
    const cost = { memory: 256, passes: 2, lanes: 2 };
    const made = await without.argon2id(message, salt, cost, 32);
    hooks.deregister();
    assert.deepEqual(Buffer.from(made), Buffer.from(await nodeArgon2id(message, salt, cost, 32)));
  });

  test('is that of the reference implementation', async () => {
    // phc-winner-argon2, test.c: version 0x13, Argon2id, t = 2, m = 2^16, p = 1 and t = 2, m = 2^8, p = 2.
    const of = async (memory: number, lanes: number): Promise<string> => {
      const cost = { memory, passes: 2, lanes };
      const made = await argon2id(Buffer.from('password'), Buffer.from('somesalt'), cost, 32);
      return Buffer.from(made).toString('hex');
    };
    assert.equal(
      await of(65_536, 1),
      '09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7',
    );
    assert.equal(
      await of(256, 2),
      '6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037',
    );
  });

  test('is the same by the package and by Node', async () => {
    const byPackage = packageArgon2id();
    assert.ok(byPackage, 'it is there for the machines that run the tests');
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        fc.uint8Array({ minLength: 8, maxLength: 32 }),
        fc.record({
          memory: fc.integer({ min: 128, max: 2000 }),
          passes: fc.integer({ min: 1, max: 4 }),
          lanes: fc.integer({ min: 1, max: 16 }),
        }),
        fc.constantFrom(32, 64, 100),
        async (message, salt, cost, length) => {
          const [one, other] = await Promise.all([
            byPackage(message, salt, cost, length),
            nodeArgon2id(message, salt, cost, length),
          ]);
          assert.deepEqual(Buffer.from(one), Buffer.from(other));
        },
      ),
      { numRuns: 50 },
    );
  });
});
