/**
 * How the members of a cluster keep its registers. On the wire (HELLO, OPENED) a mode is its index in this list.
 *
 * `open`: by the base protocol (docs/register.md), so foreign members may take part. `strict`: by the strict register
 * (docs/strict-register.md), so all members are of this implementation.
 */
export const REGISTER_MODES = ['open', 'strict'] as const;
export type RegisterMode = (typeof REGISTER_MODES)[number];

export const MODE_OPEN = REGISTER_MODES.indexOf('open');
export const MODE_STRICT = REGISTER_MODES.indexOf('strict');

/** The name of a mode that a peer has said, which may be of a later version. */
export function nameOfMode(mode: number): string {
  return REGISTER_MODES.at(mode) ?? `number ${mode}`;
}
