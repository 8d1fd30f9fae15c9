/** A message's worth of bytes that reads as its name. */
export const named = (name: string): Uint8Array => Uint8Array.from(Buffer.from(name, 'latin1'));
export const nameOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
