import { writeFile } from 'node:fs/promises';

import { referencePages } from './reference/pages.ts';

/** Writes the pages of docs/reference that are made from the code, and the figures of the benchmark into README.md. */
for (const { file, text } of await referencePages()) await writeFile(file, text);
