/**
 * Identifies one operation of one register: the protocol's uuid. Its 16 bytes are a string of 16 characters with the
 * codes 0..255 (latin1). Every message compares it and uses it as a key, and a string costs least for both.
 */
export type OperationId = string;

export const OPERATION_ID_SIZE_BYTES = 16;

/** Hexadecimal form for logs and failure messages. */
export function describeOperationId(id: OperationId): string {
  let text = '';
  for (let index = 0; index < id.length; index += 1) {
    text += id.charCodeAt(index).toString(16).padStart(2, '0');
  }
  return text;
}
