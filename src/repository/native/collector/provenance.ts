import { toHex } from '../../../base/bytes.ts';
import type { Access } from '../access.ts';
import type { ListedPack } from '../index/index-list.ts';
import type { Verdicts } from '../index/verdict-list.ts';
import type { TableHead } from '../packs/pack-table.ts';

/** Where a segment comes from in the end: the pack, and who vouched for its content first. */
export interface Provenance {
  /** In hexadecimal. */
  readonly pack: string;
  readonly signer: string;
}

/**
 * The provenance of a slot's segments. An origin counts only if an owner or janitor copied it: anybody else could name a stranger's pack as the origin of rubbish.
 */
export function provenanceOf(
  access: Access,
  pack: { readonly name: string; readonly head: Pick<TableHead, 'signer' | 'origins'> },
  slot: number,
): Provenance {
  const signer = toHex(pack.head.signer);
  const origin = pack.head.origins.find((candidate) => candidate.slot === slot);
  const role = access.verifying.findSigner(signer)?.role;
  if (origin === undefined || (role !== 'owner' && role !== 'janitor')) {
    return { pack: pack.name, signer };
  }
  return { pack: toHex(origin.pack), signer: toHex(origin.signer) };
}

/**
 * Whether a copy is as good as what a victim holds (C6): from the same signer, from an owner, or found good. Otherwise a thief could have the good copy deleted
 * by storing rubbish under the same ids.
 */
export function isAsGood(
  access: Access,
  verdicts: Verdicts,
  copy: { readonly pack: ListedPack; readonly slot: number },
  victimSigner: string,
): boolean {
  if (verdicts.isBad(copy.pack)) return false;
  if (verdicts.isGood(copy.pack)) return true;
  const { signer } = provenanceOf(access, copy.pack, copy.slot);
  if (signer === victimSigner) return true;
  const known = access.verifying.findSigner(signer);
  return known !== undefined && known.role === 'owner' && known.state !== 'revoked';
}
