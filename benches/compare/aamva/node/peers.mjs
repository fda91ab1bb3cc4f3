// Reads payloads with the two npm parsers. Standard input: one JSON object a line, {"id", "hex"}; standard output: one
// a line, {"id", "aamva-parser": {field: text}, "aamvajs": {…}}, an empty object where a parser throws.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const require = createRequire(`${process.argv[2]}/package.json`);
const parser = require("aamva-parser");
const aamvajs = require("aamvajs");

// The dates of both are midnight of the machine's own zone.
const day = (date) =>
  date instanceof Date && !Number.isNaN(date.getTime())
    ? [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((n) => String(n).padStart(2, "0")).join("-")
    : date ?? null;

function withParser(text) {
  const read = parser.parse(text);
  return {
    first_name: read.firstName,
    middle_name: read.middleName,
    last_name: read.lastName,
    date_of_birth: day(read.dateOfBirth),
    expiration_date: day(read.expirationDate),
    issue_date: day(read.issueDate),
    sex: read.gender,
    street: read.streetAddress,
    city: read.city,
    jurisdiction_code: read.state,
    postal_code: read.postalCode,
    id_number: read.driversLicenseId,
  };
}

function withAamvajs(text) {
  const { data } = aamvajs.raw(text);
  const whole = (data.fullName ?? "").split(",").map((part) => part.trim());
  return {
    first_name: data.firstName ?? whole[1],
    middle_name: data.middleName ?? whole[2],
    last_name: data.familyName ?? whole[0],
    date_of_birth: data.dateOfBirth,
    expiration_date: data.expirationDate,
    issue_date: data.issueDate,
    sex: data.sex,
    street: data.address,
    city: data.city,
    jurisdiction_code: data.state,
    postal_code: data.zip,
    id_number: data.idNumber,
  };
}

const attempt = (read, text) => {
  try {
    return read(text);
  } catch {
    return {};
  }
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, hex } = JSON.parse(line);
  const text = Buffer.from(hex, "hex").toString("utf8");
  const found = { id, "aamva-parser": attempt(withParser, text), aamvajs: attempt(withAamvajs, text) };
  process.stdout.write(`${JSON.stringify(found)}\n`);
}
