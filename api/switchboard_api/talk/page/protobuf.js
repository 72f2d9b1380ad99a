// The part of the protobuf encoding that LiveKit's signalling needs, driven by tables.
//
// A table maps field names to [number, type]; a type is "string", "int", "bool", another table, or
// one of these in an array for a repeated field. Fields that no table names are skipped.

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

export function encode(table, message) {
  const bytes = [];
  for (const [name, value] of Object.entries(message)) {
    const [number, type] = table[name];
    writeVarint(bytes, number * 8 + (type === "int" || type === "bool" ? VARINT : BYTES));
    if (type === "int" || type === "bool") {
      writeVarint(bytes, Number(value));
    } else {
      const inner = type === "string" ? new TextEncoder().encode(value) : encode(type, value);
      writeVarint(bytes, inner.length);
      for (const byte of inner) bytes.push(byte);
    }
  }
  return new Uint8Array(bytes);
}

export function decode(table, bytes) {
  const fields = new Map(
    Object.entries(table).map(([name, [number, type]]) => [number, { name, type }]),
  );
  const message = {};
  const reader = new Reader(bytes);
  while (!reader.done) {
    const tag = reader.varint();
    const raw = reader.value(tag % 8);
    const field = fields.get(Math.floor(tag / 8));
    if (field === undefined) continue;
    if (Array.isArray(field.type)) {
      (message[field.name] ??= []).push(read(field.type[0], raw));
    } else {
      message[field.name] = read(field.type, raw);
    }
  }
  return message;
}

function read(type, raw) {
  if (type === "int") return raw;
  if (type === "bool") return raw !== 0;
  return type === "string" ? new TextDecoder().decode(raw) : decode(type, raw);
}

// Numbers are split by division: bit operations of JavaScript end at 32 bits.
function writeVarint(bytes, value) {
  while (value > 127) {
    bytes.push((value % 128) + 128);
    value = Math.floor(value / 128);
  }
  bytes.push(value);
}

class Reader {
  #bytes;
  #at = 0;

  constructor(bytes) {
    this.#bytes = bytes;
  }

  get done() {
    return this.#at >= this.#bytes.length;
  }

  varint() {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#take(1)[0];
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  }

  value(wire) {
    if (wire === VARINT) return this.varint();
    if (wire === BYTES) return this.#take(this.varint());
    if (wire === FIXED64) return this.#take(8);
    if (wire === FIXED32) return this.#take(4);
    throw new RangeError(`wire type ${wire}`);
  }

  #take(length) {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError("the message ends too early");
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}
