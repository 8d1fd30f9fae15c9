// binary-parser 2.3 ships types that its `exports` map does not name, so nodenext cannot find them.
declare module 'binary-parser' {
  export * from 'binary-parser/dist/binary_parser.js';
}
