import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { dependenciesOf, type Ordered, stopOrder } from './stop-order.ts';

const item = (
  name: string,
  labels: Readonly<Record<string, string>> = {},
  joins: readonly string[] = [],
): Ordered => ({ id: `id-${name}`, name, labels, joins });

const compose = (service: string, dependencies = '', project = 'shop'): Ordered =>
  item(`${project}-${service}-1`, {
    'com.docker.compose.project': project,
    'com.docker.compose.service': service,
    'com.docker.compose.depends_on': dependencies,
  });

const names = (groups: readonly (readonly Ordered[])[]): string[][] =>
  groups.map((group) => group.map(({ name }) => name));

test('what depends on others is stopped before them', () => {
  const groups = stopOrder([
    compose('db'),
    compose('app', 'db:service_healthy:false,cache:service_started:true'),
    compose('cache'),
    compose('web', 'app:service_started:false'),
  ]);
  assert.deepEqual(names(groups), [['shop-web-1'], ['shop-app-1'], ['shop-db-1', 'shop-cache-1']]);
});

test('services of the same name in other projects are others', () => {
  const app = compose('app', 'db:service_started:false', 'blog');
  assert.deepEqual(dependenciesOf(app, [compose('db', '', 'shop')]), []);
});

test('whoever uses the network of another is stopped before it', () => {
  const groups = stopOrder([item('vpn'), item('torrent', {}, ['id-vpn'])]);
  assert.deepEqual(names(groups), [['torrent'], ['vpn']]);
});

test('named ones come first and in their order, then lower numbers of the label', () => {
  const groups = stopOrder(
    [
      item('late', { 'holdfast.stop-order': '5' }),
      item('normal'),
      item('two'),
      item('early', { 'holdfast.stop-order': '-1' }),
      item('one'),
    ],
    ['one', 'two', 'nobody'],
  );
  assert.deepEqual(names(groups), [['one'], ['two'], ['early'], ['normal'], ['late']]);
});

test('a circle is stopped together', () => {
  const groups = stopOrder([compose('a', 'b::'), compose('b', 'a::'), compose('c', 'a::')]);
  assert.deepEqual(names(groups), [['shop-c-1'], ['shop-a-1', 'shop-b-1']]);
});

test('everything is stopped once, and never before what depends on it, unless they are in a circle', () => {
  // Each depends only on ones before it: no circles.
  const graph = fc.array(fc.array(fc.nat(), { maxLength: 3 }), { maxLength: 8 }).map((edges) =>
    edges.map((targets, index) =>
      compose(
        `s${index}`,
        targets
          .filter(() => index > 0)
          .map((target) => `s${target % index}::`)
          .join(','),
      ),
    ),
  );
  fc.assert(
    fc.property(graph, (items) => {
      const groups = stopOrder(items);
      assert.deepEqual(new Set(groups.flat()), new Set(items));
      assert.equal(groups.flat().length, items.length);
      const place = (one: Ordered): number => groups.findIndex((group) => group.includes(one));
      for (const one of items)
        for (const needed of dependenciesOf(one, items)) assert.ok(place(one) < place(needed));
    }),
  );
});
