import type { RawValue } from '../../storage/option-schema.ts';
import type { GivenOptions } from './parse-command-line.ts';

/** Which of our options of destinations an option of duplicity's becomes. */
type Mapping = readonly [option: string, name: string, value: (text: string) => RawValue];

const asIs = (text: string): string => text;
const constant = (value: RawValue) => (): RawValue => value;
const mebibytes = (text: string): string => `${text}M`;

const mappings: readonly Mapping[] = [
  ['timeout', 'timeout', (text) => `${Math.max(1, Math.ceil(Number(text)))}s`],
  ['num-retries', 'attempts', (text) => Math.min(1000, Math.max(1, Number(text)))],
  ['ssl-cacert-file', 'ca-file', asIs],
  ['webdav-headers', 'headers', asIs],
  ['ftp-regular', 'data-connection', constant('active')],
  ['ftp-passive', 'data-connection', constant('automatic')],
  ['b2-hide-files', 'hide', constant('yes')],
  ['swift-storage-policy', 'storage-policy', asIs],
  ['mp-segment-size', 'segment-size', mebibytes],
  ['azure-blob-tier', 'tier', asIs],
  ['azure-max-block-size', 'part-size', asIs],
  ['azure-max-connections', 'connections', asIs],
  ['s3-endpoint-url', 'endpoint', asIs],
  ['s3-region-name', 'region', asIs],
  ['s3-kms-key-id', 'kms-key-id', asIs],
  ['s3-unencrypted-connection', 'tls', constant('no')],
  ['s3-use-server-side-encryption', 'server-side-encryption', constant('s3')],
  ['s3-use-server-side-kms-encryption', 'server-side-encryption', constant('kms')],
  ['s3-multipart-chunk-size', 'part-size', mebibytes],
  ['s3-multipart-max-procs', 'connections', asIs],
  ['s3-use-rrs', 'storage-class', constant('REDUCED_REDUNDANCY')],
  ['s3-use-ia', 'storage-class', constant('STANDARD_IA')],
  ['s3-use-onezone-ia', 'storage-class', constant('ONEZONE_IA')],
  ['s3-use-glacier-ir', 'storage-class', constant('GLACIER_IR')],
  ['s3-use-glacier', 'storage-class', constant('GLACIER')],
  ['s3-use-deep-archive', 'storage-class', constant('DEEP_ARCHIVE')],
  ['par2-redundancy', 'par2-redundancy', asIs],
  ['par2-volumes', 'par2-volumes', asIs],
  ['par2-options', 'par2-options', asIs],
];

/**
 * The options of a destination that the command line gives, of those that it knows (`known`): options for other destinations do no harm, as in duplicity. `mayMake`: what holds
 * the archive is made when it is missing.
 */
export function destinationOptions(
  options: GivenOptions,
  known: ReadonlySet<string>,
  { mayMake }: { readonly mayMake: boolean },
): Record<string, RawValue> {
  const found: Record<string, RawValue> = {};
  const set = (name: string, value: RawValue): void => {
    if (known.has(name)) found[name] = value;
  };
  // Names of duplicity's files have capitals, and other programs read them.
  set('names', 'plain');
  if (mayMake) set('create-container', 'yes');
  for (const [option, name, value] of mappings) {
    const text = options.text(option);
    if (text !== undefined) set(name, value(text));
    else if (options.has(option)) set(name, value(''));
  }
  for (const [name, value] of Object.entries(sshOptions(options.list('ssh-options')))) {
    set(name, value);
  }
  return found;
}

/** `-oIdentityFile=… -i … -oUserKnownHostsFile=…` as options of ours; what else there is goes to the ssh program. */
export function sshOptions(given: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  const rest: string[] = [];
  const words = given.join(' ').match(/(?:[^\s"']|"[^"]*"|'[^']*')+/gu) ?? [];
  const plain = words.map((word) => word.replaceAll(/["']/gu, ''));
  for (let at = 0; at < plain.length; at++) {
    let word = plain[at]!;
    if ((word === '-o' || word === '-i') && at + 1 < plain.length) word += plain[++at]!;
    const [, name = '', value = ''] = /^-o(\w+)=(.*)$/su.exec(word) ?? [];
    if (word.startsWith('-i')) found['identity-file'] = word.slice(2);
    else if (name.toLowerCase() === 'identityfile') found['identity-file'] = value;
    else if (name.toLowerCase() === 'userknownhostsfile') found['known-hosts'] = value;
    else rest.push(word);
  }
  if (rest.length > 0) found['ssh-command'] = `ssh ${rest.map(asWord).join(' ')}`;
  return found;
}

function asWord(word: string): string {
  return /^[\w./=:@,+-]+$/u.test(word) ? word : `'${word}'`;
}
