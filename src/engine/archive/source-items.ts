import { AppError } from '../../base/errors.ts';
import { readExtendedAttributes } from '../../base/posix/extended-attributes.ts';
import { joinPath } from '../../base/posix/path-bytes.ts';
import { changedEntry, type ExtendedAttribute, type SourceEntry } from '../../model/entry.ts';
import type { PathFilter } from '../../model/path-filter.ts';
import type { ItemContent, SourceItem } from '../../repository/duplicity/writer/source-item.ts';
import { openForBackup } from '../../source/filesystem/file-reader.ts';
import type { SourcePlan } from '../../source/filesystem/source-plan.ts';
import type { DirectoryLocation } from '../../source/filesystem/directory-location.ts';
import { sourceProblem } from '../../source/filesystem/source-error.ts';
import { walk, type WalkOptions } from '../../source/filesystem/walk.ts';
import { filteredWalk, type SourceWalkEvent, type SourceWalkOptions } from '../source-walk.ts';
import { inIndexOrder } from './index-order-walk.ts';

/** What becomes of an entry: `scan` looks into a directory and stores it only if something below it is stored. */
export type SelectionVerdict = 'include' | 'exclude' | 'scan';

/** Chooses what is stored, by the path relative to the root (components joined by `/`). Not asked about the root, nor about what lies below an excluded directory. */
export type TreeSelection = (path: Uint8Array, entry: SourceEntry) => SelectionVerdict;

/** Which entries of a tree are stored: by the rules of Holdfast, or by a function; all without one. */
export type TreeFilter =
  | { readonly filter: PathFilter }
  | { readonly select: TreeSelection | undefined };

/** Who is told of what is not stored. */
export interface SourceItemsListener {
  /** Something could not be looked at. */
  readonly onProblem: (path: Uint8Array, error: AppError) => void;
  /** A link that was to be followed cannot be: one that leads nowhere is left out, one that leads in a circle stays a link. */
  readonly onLink: (path: Uint8Array, error: AppError) => void;
  /** A socket is passed over. */
  readonly onSocket: (path: Uint8Array) => void;
}

/** How a source is walked and told. */
export interface SourceItemsOptions extends SourceWalkOptions {
  /** A single source that is no directory is the root itself, instead of a directory that holds it; then no filter is asked about it. */
  readonly isFileRoot?: boolean;
  /** Extended attributes of what is no directory are read when they are asked for (`SourceItem.withAttributes`). */
  readonly leavesAttributes?: boolean;
}

/** The items of a source in index order, as a writer of archives takes them. */
export class SourceItems implements Iterable<SourceItem> {
  readonly #plan: SourcePlan;
  readonly #filter: TreeFilter;
  readonly #options: SourceItemsOptions;
  readonly #listener: SourceItemsListener;
  /** Paths, one character a byte, at or below which something could not be looked at. */
  readonly #unreadable = new Set<string>();

  constructor(
    plan: SourcePlan,
    filter: TreeFilter,
    options: SourceItemsOptions,
    listener: SourceItemsListener,
  ) {
    this.#plan = plan;
    this.#filter = filter;
    this.#options = options;
    this.#listener = listener;
  }

  /** Whether nothing is known of a path because it, or a directory above it, could not be looked at. */
  readonly isUnreadable = (path: Uint8Array): boolean => {
    if (this.#unreadable.size === 0) return false;
    if (this.#unreadable.has('')) return true;
    const text = latin1Of(path);
    for (let end = text.length; end > 0; end = text.lastIndexOf('/', end - 1)) {
      if (this.#unreadable.has(text.slice(0, end))) return true;
    }
    return false;
  };

  /** Whether something of an item itself could not be looked at. */
  isIncomplete({ path }: FoundItem): boolean {
    return this.#unreadable.size > 0 && this.#unreadable.has(latin1Of(path));
  }

  *[Symbol.iterator](): Generator<SourceItem, void, void> {
    const links = new LinkGroups();
    const rootName = this.#rootName();
    for (const event of inIndexOrder(this.#events(rootName !== undefined))) {
      const path = belowRoot(event.path, rootName);
      if (event.type === 'problem') {
        const { error } = event;
        if ('link' in error.details) {
          this.#listener.onLink(path ?? event.path, error);
          continue;
        }
        this.#tell(path ?? event.path, error);
        continue;
      }
      // The directory that a single file lies in.
      if (path === undefined) continue;
      const { entry, location } = event;
      if (entry.type === 'socket') {
        this.#listener.onSocket(path);
        continue;
      }
      yield new FoundItem(this, path, entry, {
        location,
        walked: event.path,
        linkGroup: path.length === 0 ? undefined : links.groupOf(path, entry),
      });
    }
  }

  /** Whether the entries of directories come without their extended attributes. */
  get #leavesAttributes(): boolean {
    return this.#options.leavesAttributes === true && this.#options.followLinks !== true;
  }

  /** Opens the content of an item that lies at `location`. */
  open(item: FoundItem, location: DirectoryLocation | undefined): ItemContent {
    if (location === undefined) throw new AppError('internal', 'A directory was opened');
    const { entry, path } = item;
    // A source that is named is followed, too.
    const isFollowed = this.#options.followLinks === true || path.length === 0;
    const shown = joinPath(this.#plan.root, item.walked);
    return new OpenedFile(location.pathOf(entry.name), entry, shown, isFollowed);
  }

  /** The same item with the attributes that were left out. */
  readAttributes(item: FoundItem, location: DirectoryLocation | undefined): FoundItem {
    if (!this.#leavesAttributes || location === undefined) return item;
    const { entry } = item;
    let xattrs: readonly ExtendedAttribute[];
    try {
      xattrs = readExtendedAttributes(location.pathOf(entry.name), entry.device);
    } catch (cause) {
      const shown = joinPath(this.#plan.root, item.walked);
      this.#tell(item.path, sourceProblem('read the attributes of', shown, cause));
      return item;
    }
    return xattrs.length === 0 ? item : item.with(changedEntry(entry, { xattrs }));
  }

  #tell(path: Uint8Array, error: AppError): void {
    this.#unreadable.add(latin1Of(path));
    this.#listener.onProblem(path, error);
  }

  /** The name of the single source that is the root although it is no directory. */
  #rootName(): Uint8Array | undefined {
    if (this.#options.isFileRoot !== true) return undefined;
    const { root, sources } = this.#plan;
    const [only] = sources;
    if (only === undefined || sources.length > 1 || only.length === root.length) return undefined;
    return only.subarray(only.lastIndexOf(0x2f) + 1);
  }

  *#events(isFileRoot: boolean): Generator<SourceWalkEvent, void, void> {
    const filter: TreeFilter = isFileRoot ? { select: undefined } : this.#filter;
    const options: WalkOptions = this.#leavesAttributes
      ? { ...this.#options, extendedAttributes: ({ type }) => type === 'directory' }
      : this.#options;
    if ('filter' in filter) yield* filteredWalk(this.#plan, filter.filter, options);
    else if (filter.select === undefined) yield* wholeWalk(this.#plan, options);
    else yield* selectedWalk(this.#plan, filter.select, options);
  }
}

/** One entry of the walk. */
class FoundItem implements SourceItem {
  readonly path: Uint8Array;
  readonly entry: SourceEntry;
  readonly linkGroup: Uint8Array | undefined;
  /** Relative to what is walked. */
  readonly walked: Uint8Array;
  readonly #items: SourceItems;
  readonly #location: DirectoryLocation | undefined;
  #whole: FoundItem | undefined;

  constructor(
    items: SourceItems,
    path: Uint8Array,
    entry: SourceEntry,
    where: {
      readonly location: DirectoryLocation | undefined;
      readonly walked: Uint8Array;
      readonly linkGroup: Uint8Array | undefined;
    },
  ) {
    this.path = path;
    this.entry = entry;
    this.linkGroup = where.linkGroup;
    this.walked = where.walked;
    this.#items = items;
    this.#location = where.location;
  }

  /** None of what is known in part: the next run would take it for the same inode, and not look for the rest. */
  get inode(): SourceEntry | undefined {
    return this.#items.isIncomplete(this) ? undefined : this.entry;
  }

  withAttributes(): FoundItem {
    return (this.#whole ??= this.#items.readAttributes(this, this.#location));
  }

  open(): ItemContent {
    return this.#items.open(this, this.#location);
  }

  /** The same with more known of it. */
  with(entry: SourceEntry): FoundItem {
    const { path, walked, linkGroup } = this;
    const item = new FoundItem(this.#items, path, entry, {
      location: this.#location,
      walked,
      linkGroup,
    });
    item.#whole = item;
    return item;
  }
}

function* wholeWalk(
  plan: SourcePlan,
  options: WalkOptions,
): Generator<SourceWalkEvent, void, void> {
  for (const event of walk(plan, options)) {
    yield event.type === 'enter' ? { ...event, keepEmpty: true } : event;
  }
}

function* selectedWalk(
  plan: SourcePlan,
  select: TreeSelection,
  options: WalkOptions,
): Generator<SourceWalkEvent, void, void> {
  // Directories are entered in the order in which they were asked about, after all of the directory they lie in.
  const levels: boolean[][] = [];
  const prefix = plan.root.at(-1) === 0x2f ? plan.root.length : plan.root.length + 1;
  const exclude = (entry: SourceEntry, path: Uint8Array): boolean => {
    const verdict = select(path.subarray(prefix), entry);
    if (verdict === 'exclude') return true;
    if (entry.type !== 'directory') return verdict === 'scan';
    levels.at(-1)?.push(verdict === 'include');
    return false;
  };
  for (const event of walk(plan, { ...options, exclude })) {
    if (event.type === 'enter') {
      const keepEmpty = levels.at(-1)?.shift() ?? true;
      levels.push([]);
      yield { ...event, keepEmpty };
    } else yield event;
    if (event.type === 'leave') levels.pop();
  }
}

/** A path relative to a root that is the child `rootName` of what was walked; undefined for what lies above it. */
function belowRoot(path: Uint8Array, rootName: Uint8Array | undefined): Uint8Array | undefined {
  if (rootName === undefined) return path;
  return path.length === 0 ? undefined : path.subarray(rootName.length + 1);
}

/** Which names belong to one file. */
class LinkGroups {
  /** By device and inode; those whose names have all been seen are forgotten. */
  readonly #groups = new Map<string, { readonly first: Uint8Array; left: number }>();

  groupOf(path: Uint8Array, entry: SourceEntry): Uint8Array | undefined {
    if (entry.type !== 'file' || entry.links < 2) return undefined;
    const key = `${entry.device} ${entry.inode}`;
    const group = this.#groups.get(key);
    if (group === undefined) {
      this.#groups.set(key, { first: path, left: entry.links - 1 });
      return path;
    }
    group.left--;
    if (group.left === 0) this.#groups.delete(key);
    return group.first;
  }
}

/** A file that is read from its start to its end. */
class OpenedFile implements ItemContent {
  readonly #reader: ReturnType<typeof openForBackup>;
  #position = 0;

  constructor(path: Uint8Array, entry: SourceEntry, shown: Uint8Array, follow: boolean) {
    this.#reader = openForBackup(path, entry, shown, { follow });
  }

  readInto(buffer: Uint8Array, offset: number, length: number): number {
    const count = this.#reader.readInto(buffer, offset, length, this.#position);
    this.#position += count;
    return count;
  }

  isUnchanged(): boolean {
    return this.#reader.isUnchanged();
  }

  [Symbol.dispose](): void {
    this.#reader.close();
  }
}

function latin1Of(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}
