/** What one run of the collection model is about: how many take part, and which defences of the protocol they use. */
export interface CollectionConfiguration {
  /** One writer for each number; it says which of the two chunks its snapshot needs: 1, 2, or 3 for both. */
  readonly needs: readonly number[];
  readonly collectors: number;
  /** Processes that remove abandoned finals. */
  readonly reapers: number;
  /** How often a writer may upload before it stays where it is for ever. */
  readonly uploads: number;
  /** How often a collector may copy live chunks before it keeps the pack instead. */
  readonly repacks: number;
  /** The most packs one tombstone may name: 1 or 2. */
  readonly victims: number;
  /** Both chunks lie in pack 0 at the start, and an old snapshot uses them. */
  readonly oldPack: boolean;
  /** A writer may begin with an index that lacks chunks; otherwise it finds each one somewhere. */
  readonly gapsInIndex: boolean;
  /** A pack of a thief claims to hold both chunks and holds neither. */
  readonly thief: boolean;
  /** A writer uploads a pack again under its old name, because the acknowledgement of the first time was lost. */
  readonly repeatedUploads: boolean;
  /** Listings show new objects late: never, with both sides waiting, or with some of the waiting left out. */
  readonly lag: 'none' | 'all-wait' | 'nobody-waits' | 'nobody-waits-after-seal';
  /** Listings may still show packs that were deleted. */
  readonly deletedPacksListed: boolean;

  /** What a writer looks at first in its check. */
  readonly firstLook: 'tombstones' | 'packs';
  /** Whether the check looks for tombstones at all, and whether it looks for the packs. */
  readonly looksForTombstones: boolean;
  readonly looksForPacks: boolean;
  /** When a writer checks: after its final is published or before. */
  readonly check: 'after-final' | 'before-final';
  /** Whether chunks of unchanged directories, those in pack 0, take part in the check. */
  readonly unchangedChecked: boolean;
  /** When a collector lists the snapshots that count: after its tombstone is published or before. */
  readonly snapshotsListed: 'after-tombstone' | 'before-tombstone';
  /** Which other pack makes a live chunk safe: one that no tombstone names, with tombstones listed first; the same with packs listed first; any. */
  readonly secondCopy: 'not-doomed' | 'not-doomed-packs-first' | 'any';
  /** Whether that pack must be as trustworthy as the victim, or any claim will do. */
  readonly claims: 'as-good' | 'any';
  /** How live chunks move: copied and looked at again, copied only, or copied after the deletion. */
  readonly repack: 'copy-and-look-again' | 'copy' | 'delete-first';
  /** When somebody may remove the tombstone of another: never, once its packs are gone, or at any time. */
  readonly foreignTombstones: 'kept' | 'removed-when-packs-gone' | 'removed-any-time';
  /** Collectors with the same victims share a tombstone: one that ends removes it for the others as well. */
  readonly sharedTombstones: boolean;
  /** How abandoned finals go: tombstone here and another look by the writer there; the one without the other. */
  readonly reaping: 'two-sided' | 'no-tombstone' | 'no-look-after-seal';
}

/** The protocol with every defence, and the smallest numbers at which its parts can get into each other's way. */
export const wholeProtocol: CollectionConfiguration = {
  needs: [3, 3],
  collectors: 2,
  reapers: 0,
  uploads: 2,
  repacks: 1,
  victims: 1,
  oldPack: true,
  gapsInIndex: true,
  thief: false,
  repeatedUploads: false,
  lag: 'none',
  deletedPacksListed: false,
  firstLook: 'tombstones',
  looksForTombstones: true,
  looksForPacks: true,
  check: 'after-final',
  unchangedChecked: true,
  snapshotsListed: 'after-tombstone',
  secondCopy: 'not-doomed',
  claims: 'as-good',
  repack: 'copy-and-look-again',
  foreignTombstones: 'kept',
  sharedTombstones: false,
  reaping: 'two-sided',
};
