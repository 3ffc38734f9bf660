import { writeFile } from 'node:fs/promises';

import { makeVectors, readKeptVectors, vectorFile } from './vectors/vector-file.ts';

/** Writes docs/formats/native-vectors.json. Old vectors must never change: after the first release only new ones are added. */
const vectors = await makeVectors(await readKeptVectors());
await writeFile(vectorFile, `${JSON.stringify(vectors, undefined, 2)}\n`);
