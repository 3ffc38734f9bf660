import { parseSize } from '../base/size.ts';
import { type FlagValues, listFlag, switchFlag, valueFlag, wholeNumber } from './flag.ts';

/** The flags that every command takes. */
export const globalFlags = {
  json: switchFlag({ help: 'Print one JSON object a line instead of text' }),
  quiet: switchFlag({ short: 'q', help: 'Print results and problems only' }),
  verbose: switchFlag({ short: 'v', help: 'Print every file, and what is worth a note' }),
  debug: switchFlag({ help: 'Print stack traces and what happens inside' }),
  'no-progress': switchFlag({ help: 'Show no progress' }),
  'passphrase-file': valueFlag({
    placeholder: 'FILE',
    complete: 'file',
    environment: false,
    help: 'Read the passphrase from the first line of a file',
  }),
  'passphrase-command': valueFlag({
    placeholder: 'COMMAND',
    environment: false,
    help: 'Read the passphrase from the output of a shell command',
  }),
  'insecure-no-passphrase': switchFlag({
    help: 'Use a repository without a passphrase: whoever has it can read it',
  }),
  identity: valueFlag({
    placeholder: 'FILE',
    complete: 'file',
    help: 'Open the repository with an age identity file',
  }),
  'recovery-sheet': valueFlag({
    placeholder: 'FILE',
    complete: 'file',
    help: 'Open the repository with a recovery sheet',
  }),
  'state-dir': valueFlag({
    placeholder: 'DIR',
    complete: 'directory',
    help: 'Keep the keys of this machine here instead of in the state directory of the user',
  }),
  'cache-dir': valueFlag({
    placeholder: 'DIR',
    complete: 'directory',
    help: 'Keep the cache here instead of in the cache directory of the user',
  }),
  'no-cache': switchFlag({ help: 'Neither use nor fill the cache' }),
  'limit-upload': valueFlag({
    placeholder: 'SIZE',
    parse: parseSize,
    help: 'Send at most so much a second (500k, 2M)',
  }),
  'limit-download': valueFlag({
    placeholder: 'SIZE',
    parse: parseSize,
    help: 'Receive at most so much a second',
  }),
  'limit-file': valueFlag({
    placeholder: 'FILE',
    complete: 'file',
    help: 'Take both limits from a file ("upload 2M", "download off"), and again when it changes',
  }),
  option: listFlag({
    placeholder: 'NAME=VALUE',
    short: 'o',
    help: 'Set an option of the storage; may be repeated',
  }),
  retries: valueFlag({
    placeholder: 'N',
    parse: wholeNumber(0, 1000),
    help: 'Try a call to the storage so many times again when it may help',
  }),
  help: switchFlag({ short: 'h', environment: false, help: 'Print this help' }),
  version: switchFlag({ environment: false, help: 'Print the version' }),
} as const;

export type GlobalFlagValues = FlagValues<typeof globalFlags>;
