// Reads Kubernetes objects as a JSON list on standard input and prints what is wrong with them, one line each. Lies beside node_modules.
//
// Two readings, since neither sees everything: the client's own models know every field and its type, so that what they do not know is a
// slip of the pen; the schemas know what must be there and which values are allowed.
import * as models from "@kubernetes/client-node";

const objects = JSON.parse(await new Response(process.stdin).text());
let wrong = 0;

function complain(object, text) {
  wrong += 1;
  console.log(`${object.kind} ${object.metadata?.name}: ${text}`);
}

const primitive = { string: "string", number: "number", boolean: "boolean" };

// type: as the models name it: "Array<V1Container>", "{ [key: string]: string; }", "V1Pod", "string".
function walk(object, value, type, path) {
  let match;
  if ((match = /^Array<(.*)>$/.exec(type))) {
    if (!Array.isArray(value)) return complain(object, `${path} is no list`);
    value.forEach((entry, i) => walk(object, entry, match[1], `${path}[${i}]`));
  } else if ((match = /^\{ \[key: string\]: (.*); \}$/.exec(type))) {
    if (typeof value !== "object" || Array.isArray(value)) return complain(object, `${path} is no mapping`);
    for (const [key, entry] of Object.entries(value)) walk(object, entry, match[1], `${path}.${key}`);
  } else if (primitive[type]) {
    if (typeof value !== primitive[type]) complain(object, `${path} is no ${type}, but ${JSON.stringify(value)}`);
  } else if (type === "IntOrString") {
    if (!["number", "string"].includes(typeof value)) complain(object, `${path} is neither number nor string`);
  } else if (type === "any" || type === "object" || type === "Date" || type === "V1MicroTime") {
    return;
  } else if (models[type]?.getAttributeTypeMap) {
    if (value === null || typeof value !== "object" || Array.isArray(value)) return complain(object, `${path} is no object`);
    const known = new Map(models[type].getAttributeTypeMap().map((one) => [one.baseName, one.type]));
    for (const [key, entry] of Object.entries(value)) {
      if (known.has(key)) walk(object, entry, known.get(key), `${path}.${key}`);
      else complain(object, `${path} has no field ${key}`);
    }
  } else {
    complain(object, `${path}: ${type} is not known to the models`);
  }
}

for (const object of objects) {
  // Line breaks within are allowed, and kustomize makes them.
  if (object.kind === "Secret") for (const key of Object.keys(object.data ?? {})) object.data[key] = object.data[key].replace(/\s/g, "");
  const [group, version] = object.apiVersion.includes("/") ? object.apiVersion.split("/") : ["", object.apiVersion];
  const foreign = group === "monitoring.coreos.com";
  if (!foreign) walk(object, object, version[0].toUpperCase() + version.slice(1) + object.kind, object.kind);
  try {
    const library = foreign ? "@kubernetes-models/prometheus-operator" : "kubernetes-models";
    const schemas = await import(`${library}/${group === "" ? version : `${group}/${version}`}/${object.kind}`);
    new schemas[object.kind](object).validate();
  } catch (error) {
    complain(object, error.message);
  }
}
process.exit(wrong > 0 ? 1 : 0);
