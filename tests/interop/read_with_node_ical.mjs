// Prints what node-ical finds in each file that is named: JSON, a list of items for each.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, ...files] = process.argv.slice(2);
const { default: ical } = await import(pathToFileURL(createRequire(`${folder}/`).resolve("node-ical")));

const two = (number) => String(number).padStart(2, "0");
// an all-day item is a local midnight here
const moment = (date) =>
  date.dateOnly
    ? `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
    : date.toISOString().replace(".000Z", "Z");

const found = files.map((file) =>
  Object.values(ical.sync.parseICS(readFileSync(file, "utf8")))
    .filter((item) => item.type === "VEVENT")
    .map((event) => ({
      uid: event.uid,
      sequence: Number(event.sequence),
      status: event.status,
      starts: moment(event.start),
      ends: moment(event.end),
      summary: event.summary?.val ?? event.summary,
    })),
);
console.log(JSON.stringify(found));
