import { parsePeriod } from '../../base/duration.ts';
import { parseSize } from '../../base/size.ts';
import { listFlag, switchFlag, valueFlag } from '../flag.ts';

/** Flags of commands that also work on archives of duplicity's. */
export const archiveFlags = {
  'archive-dir': valueFlag({
    placeholder: 'DIR',
    complete: 'directory',
    help: "For duplicity's archives: keep copies of manifests and signatures here, not in the cache",
  }),
  'file-prefix': valueFlag({
    placeholder: 'TEXT',
    help: "For duplicity's archives: the names of all their files begin with this",
  }),
  'gpg-options': valueFlag({
    placeholder: 'OPTIONS',
    help: "For duplicity's archives: further options of gpg, with blanks in between",
  }),
  'sign-key': valueFlag({
    placeholder: 'KEY',
    help: "For duplicity's archives: the key that signs new files, and must have signed others",
  }),
} as const;

/** Flags of commands that write to archives of duplicity's. */
export const archiveWriteFlags = {
  ...archiveFlags,
  format: valueFlag({
    placeholder: 'FORMAT',
    choices: ['native', 'duplicity'],
    help: "What to make where there is nothing yet: a repository of Holdfast's own [native], or an archive that duplicity can restore",
  }),
  'volume-size': valueFlag({
    placeholder: 'SIZE',
    parse: parseSize,
    help: "For duplicity's archives: how large volumes get [200M]",
  }),
  'encrypt-key': listFlag({
    placeholder: 'KEY',
    help: "For duplicity's archives: encrypt to this key of gpg instead of with a passphrase; may be repeated",
  }),
} as const;

/** Flags of `backup` alone. */
export const archiveBackupFlags = {
  ...archiveWriteFlags,
  'allow-source-mismatch': switchFlag({
    help: "For duplicity's archives: go on with one of another host or directory",
  }),
  full: switchFlag({ help: "For duplicity's archives: begin a new chain" }),
  'synthetic-full': switchFlag({
    help: "For duplicity's archives: begin a new chain with what the archive has, without reading the source",
  }),
  'full-if-older-than': valueFlag({
    placeholder: 'DURATION',
    parse: parsePeriod,
    help: "For duplicity's archives: begin a new chain when the newest is older (1m is a month)",
  }),
} as const;
