// Prints what ical.js finds in each file that is named: JSON, a list of items for each.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, ...files] = process.argv.slice(2);
const { default: ICAL } = await import(pathToFileURL(createRequire(`${folder}/`).resolve("ical.js")));

const moment = (time) =>
  time.isDate ? time.toString() : time.toJSDate().toISOString().replace(".000Z", "Z");

const found = files.map((file) => {
  const calendar = new ICAL.Component(ICAL.parse(readFileSync(file, "utf8")));
  return calendar.getAllSubcomponents("vevent").map((component) => {
    const event = new ICAL.Event(component);
    return {
      uid: event.uid,
      sequence: event.sequence,
      status: component.getFirstPropertyValue("status"),
      starts: moment(event.startDate),
      ends: moment(event.endDate),
      summary: event.summary,
    };
  });
});
console.log(JSON.stringify(found));
