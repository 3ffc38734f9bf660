/** The longest volume unless told otherwise, in bytes: as the original makes them (docs/formats/duplicity.md 10). */
export const defaultVolumeSize: number = 200 * 1024 * 1024;
