/** What is put into an order; also a service of a swarm. */
export interface Ordered {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Names or ids of containers whose network, processes or memory it shares. */
  readonly joins: readonly string[];
}

/** A number; what has a lower one is stopped sooner. 0 by default. */
const orderLabel = 'holdfast.stop-order';
const projectLabel = 'com.docker.compose.project';
const serviceLabel = 'com.docker.compose.service';
const dependencyLabel = 'com.docker.compose.depends_on';

/**
 * The order in which things are stopped, as groups whose members may be stopped at the same time. First those that are named, one after the other, then the rest by
 * their label `holdfast.stop-order`; of the same number, whatever depends on another (Compose's `depends_on`, a shared network) goes first. Things that depend
 * on each other in a circle go together. They are started in the opposite order.
 */
export function stopOrder<Item extends Ordered>(
  items: readonly Item[],
  names: readonly string[] = [],
): readonly (readonly Item[])[] {
  const place = (item: Item): number => names.findIndex((name) => isNamed(item, name));
  const named = items.filter((item) => place(item) >= 0).sort((a, b) => place(a) - place(b));
  const rest = items.filter((item) => place(item) < 0);
  const numbers = [...new Set(rest.map(orderNumber))].sort((a, b) => a - b);
  return [
    ...named.map((item) => [item]),
    ...numbers.flatMap((number) =>
      byDependency(rest.filter((item) => orderNumber(item) === number)),
    ),
  ];
}

/** Whether a name in a configuration means it: its name, its id or the beginning of its id. */
export function isNamed({ id, name }: Pick<Ordered, 'id' | 'name'>, wanted: string): boolean {
  return (
    name === wanted || id === wanted || (/^[0-9a-f]{12,}$/u.test(wanted) && id.startsWith(wanted))
  );
}

/** Those of `others` that have to run before `item` does. */
export function dependenciesOf<Item extends Ordered>(
  item: Item,
  others: readonly Item[],
): readonly Item[] {
  const project = item.labels[projectLabel];
  // `db:service_healthy:false,cache:service_started:true`
  const dependencies = (item.labels[dependencyLabel] ?? '').split(',');
  const services = new Set(dependencies.map((text) => text.split(':')[0]?.trim()));
  return others.filter(
    (other) =>
      other !== item &&
      (item.joins.some((name) => isNamed(other, name)) ||
        (project !== undefined &&
          other.labels[projectLabel] === project &&
          services.has(other.labels[serviceLabel] ?? '?'))),
  );
}

function byDependency<Item extends Ordered>(items: readonly Item[]): readonly (readonly Item[])[] {
  const groups: (readonly Item[])[] = [];
  let left = items;
  while (left.length > 0) {
    const needed = new Set(left.flatMap((item) => dependenciesOf(item, left)));
    const free = left.filter((item) => !needed.has(item));
    const group = free.length > 0 ? free : left;
    groups.push(group);
    left = left.filter((item) => !group.includes(item));
  }
  return groups;
}

function orderNumber({ labels }: Ordered): number {
  const number = Number(labels[orderLabel] ?? '0');
  return Number.isFinite(number) ? number : 0;
}
