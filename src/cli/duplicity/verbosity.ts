import { exitCodes, fatal } from './fatal.ts';

const words = ['error', 'warning', 'notice', 'info', 'debug'];
const levels = [0, 2, 4, 8, 9];

/** The level that a digit, a letter or a word stands for. Throws exit code 2. */
export function parseVerbosity(text: string): number {
  const lower = text.toLowerCase();
  if (/^[0-9]$/u.test(lower)) return Number(lower);
  const index = words.findIndex((word) => word === lower || (word[0] === lower && lower !== ''));
  const level = levels[index];
  if (level !== undefined) return level;
  throw fatal(
    exitCodes.commandLine,
    "duplicity: error: Verbosity must be one of: digit [0-9], character [ewnid], or word ['error', 'warning', 'notice', 'info', 'debug']. The default is 4 (Notice).  It is strongly recommended that verbosity level is set at 2 (Warning) or higher.",
  );
}
