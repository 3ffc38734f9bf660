import { durationMilliseconds, parseDuration } from '../../base/duration.ts';
import { AppError } from '../../base/errors.ts';
import { listFlag, optionalValueFlag, valueFlag } from '../flag.ts';

/** How the tools of a database are run, and how long a server is waited for. */
export const databaseToolFlags = {
  'database-password-file': valueFlag({
    placeholder: 'FILE',
    complete: 'file',
    help: 'Read the password of the database from the first line of a file (or set HOLDFAST_DATABASE_PASSWORD)',
  }),
  'database-container': valueFlag({
    placeholder: 'NAME',
    help: 'Run the tools of the database in this container',
  }),
  'database-argument': listFlag({
    placeholder: 'ARGUMENT',
    help: 'Give the dump or restore tool of the database one more argument; may be repeated',
  }),
  'database-wait': valueFlag({
    placeholder: 'DURATION',
    parse: (text) => durationMilliseconds(parseDuration(text)),
    help: 'Wait so long for a database server that does not answer [30s]',
  }),
  'database-tools': valueFlag({
    placeholder: 'DIR',
    complete: 'directory',
    help: 'Take the tools of the database from this directory only',
  }),
} as const;

/**
 * The flags of `backup` for databases; one for each field of a `DatabaseSource` of a job:
 *
 * | field | flag | variable |
 * | --- | --- | --- |
 * | `url` | a SOURCE, or `--database-source` | `HOLDFAST_DATABASE_SOURCE`, also with its password |
 * | `password` | `--database-password-file` | `HOLDFAST_DATABASE_PASSWORD` |
 * | `name` | `--database-name` | `HOLDFAST_DATABASE_NAME` |
 * | `format` | `--database-format` | … |
 * | `globals` | `--database-globals=yes`, `=no` | |
 * | `include`, `exclude` | `--database-include`, `--database-exclude` | |
 * | `container` | `--database-container` | |
 * | `arguments` | `--database-argument`, one each | one a line |
 * | `wait` | `--database-wait` | |
 *
 * With `HOLDFAST_DATABASE_SOURCE` and `HOLDFAST_REPOSITORY` in the environment the command line is `holdfast backup --json`: nothing that is secret stands in
 * it. One command for each `DatabaseSource`. There is one `summary` a database; its `source` is the path of the snapshot, which begins with `name` if it has one
 * (`name.dump`, or `name/app.dump` where it stands for several). A database that fails is a `problem` with that path; the exit status is then not 0, and the
 * others have been dumped.
 */
export const databaseSourceFlags = {
  'database-source': listFlag({
    placeholder: 'URL',
    help: 'Dump this database, as if it were the SOURCE: for the environment, where passwords are not seen',
  }),
  'database-name': valueFlag({
    placeholder: 'NAME',
    help: 'Call the snapshots of a database so instead of by server and database',
  }),
  'database-format': valueFlag({
    placeholder: 'FORMAT',
    choices: ['custom', 'plain', 'directory'],
    help: 'Format of PostgreSQL dumps: custom (default), plain (SQL) or directory (needs room in the temporary directory)',
  }),
  'database-globals': optionalValueFlag({
    placeholder: 'yes|no',
    parse: yesOrNo,
    help: 'Dump roles and tablespaces too; the default when all databases of a PostgreSQL server are dumped',
  }),
  'database-include': valueFlag({
    placeholder: 'REGEX',
    help: 'Of all databases of a server, take those in whose names this extended regular expression is found',
  }),
  'database-exclude': valueFlag({
    placeholder: 'REGEX',
    help: 'Of all databases of a server, leave out those in whose names this is found',
  }),
  ...databaseToolFlags,
} as const;

function yesOrNo(text: string): boolean {
  const word = text.toLowerCase();
  if (['1', 'true', 'yes', 'on'].includes(word)) return true;
  if (['0', 'false', 'no', 'off'].includes(word)) return false;
  throw new AppError('input/invalid', `"${text}" is neither "yes" nor "no"`);
}
