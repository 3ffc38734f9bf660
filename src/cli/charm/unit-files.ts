import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';

import { writeFileAtomically } from '../../base/atomic-file.ts';
import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts';
import { fileReason } from '../../base/file-reason.ts';
import { makeDirectories } from '../../base/make-directories.ts';
import { charmSchedules } from '../../configuration/charm/charm-configuration.ts';
import {
  charmBackend,
  type CharmFiles,
  decodedPrivateKey,
  knownHostLine,
  unitDirectory,
} from '../../configuration/charm/charm-destination.ts';
import { type CharmValues, readCharmOptions } from '../../configuration/charm/charm-options.ts';

/** Where a unit keeps its things on the machine. */
export interface UnitPlaces {
  /** Everything lies below it; `/` but for images and trials. */
  readonly root: string;
  /** `app/0`. */
  readonly unit: string;
  /** How cron calls this program. */
  readonly program: string;
}

/** The files of a unit: its options, SSH identity and cron entries. */
export class UnitFiles {
  readonly #places: UnitPlaces;

  constructor(places: UnitPlaces) {
    this.#places = places;
  }

  get #name(): string {
    return unitDirectory(this.#places.unit);
  }

  /** The options that are in force, of mode 0600. */
  get options(): string {
    return this.#below(`var/lib/holdfast/charm/${this.#name}.json`);
  }

  get #privateKey(): string {
    return this.#below('root/.ssh/holdfast_id');
  }

  get #knownHosts(): string {
    return this.#below('root/.ssh/known_hosts');
  }

  get cronFile(): string {
    // Names with a dot are not read by cron.
    return this.#below(`etc/cron.d/holdfast-${this.#name.replaceAll(/[^A-Za-z0-9_-]/gu, '-')}`);
  }

  /** What of these files a destination needs. */
  filesFor(values: CharmValues): CharmFiles {
    const isSecureShell = ['scp', 'sftp', 'rsync'].includes(charmBackend(values) ?? '');
    if (!isSecureShell) return { privateKey: undefined, knownHosts: undefined };
    return {
      privateKey: values['private_ssh_key'] === '' ? undefined : this.#privateKey,
      knownHosts: this.#knownHosts,
    };
  }

  /** The options that were in force last; `undefined` if there never were any. @throws AppError */
  async savedOptions(): Promise<CharmValues | undefined> {
    try {
      const value: unknown = JSON.parse(await readFile(this.options, 'utf8'));
      return readCharmOptions(value as Readonly<Record<string, unknown>>);
    } catch (cause) {
      if (systemCodeOf(cause) === 'ENOENT') return undefined;
      // What JSON.parse says quotes what stands there.
      const reason = cause instanceof SyntaxError ? 'It is not JSON' : messageOf(cause);
      throw new AppError(
        'input/invalid',
        `Cannot read the options of the unit from "${this.options}": ${reason}`,
        { cause },
      );
    }
  }

  /** Puts options that are valid into force: identity and host key first, so that no scheduled run goes without them. */
  async apply(values: CharmValues): Promise<void> {
    await makeDirectories(this.#below(String(values['aux_backup_directory'])));
    await this.#writeIdentity(values);
    await this.#addKnownHost(values);
    await this.#write(this.options, `${JSON.stringify(values, undefined, 2)}\n`, 0o600, 0o700);
    await this.#writeCron(values);
  }

  /** Takes the schedule away, and with `options` what it would run with. */
  async remove({ options }: { readonly options: boolean }): Promise<void> {
    await rm(this.cronFile, { force: true });
    if (options) await rm(this.options, { force: true });
  }

  async #writeIdentity(values: CharmValues): Promise<void> {
    const key = decodedPrivateKey(values);
    if (key === undefined) await rm(this.#privateKey, { force: true });
    else await this.#write(this.#privateKey, key, 0o600, 0o700);
  }

  async #addKnownHost(values: CharmValues): Promise<void> {
    const line = knownHostLine(values);
    if (line === '') return;
    const text = await readFile(this.#knownHosts, 'utf8').catch((error: unknown) => {
      if (systemCodeOf(error) === 'ENOENT') return '';
      throw error;
    });
    if (text.split('\n').includes(line)) return;
    const before = text === '' || text.endsWith('\n') ? text : `${text}\n`;
    await this.#write(this.#knownHosts, `${before}${line}\n`, 0o600, 0o700);
  }

  /** Made anew as a whole, so that nothing is there twice. */
  async #writeCron(values: CharmValues): Promise<void> {
    const schedules = charmSchedules(values);
    const retention = String(values['retention_period']).replace(/d$/u, 'D');
    const lines = [
      entry(schedules.backup, this.#action('do-backup')),
      entry(schedules.deletion, this.#action(`remove-older-than time=${retention}`)),
      entry(schedules.verify, this.#action('verify')),
    ].filter((line) => line !== undefined);
    if (lines.length === 0) {
      await rm(this.cronFile, { force: true });
      return;
    }
    const text = [
      `# Made by Holdfast for the unit ${this.#places.unit}; changes are lost.`,
      'SHELL=/bin/sh',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      ...lines,
      '',
    ].join('\n');
    await this.#write(this.cronFile, text, 0o644, 0o755);
  }

  #action(action: string): string {
    const { program, unit } = this.#places;
    return `${quoted(program)} run-action ${action} --scheduled --unit ${quoted(unit)} --quiet`;
  }

  async #write(file: string, text: string, mode: number, directoryMode: number): Promise<void> {
    try {
      await makeDirectories(path.dirname(file), { mode: directoryMode });
      await writeFileAtomically(file, Buffer.from(text), { mode });
    } catch (cause) {
      throw new AppError('local/unwritable', `Cannot write "${file}": ${fileReason(cause)}`, {
        cause,
      });
    }
  }

  #below(place: string): string {
    return path.join(this.#places.root, place);
  }
}

/** A percent sign would end the command for cron. */
const entry = (schedule: string | undefined, command: string): string | undefined =>
  schedule === undefined
    ? undefined
    : `${schedule} root ${command.replaceAll('%', String.raw`\%`)}`;

const quoted = (text: string): string =>
  /^[\w./@:+-]+$/u.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
