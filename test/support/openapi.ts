/** An OpenAPI document as tests read it: its operations, and whether an answer is what it says. */

import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect } from "vitest";
import { z } from "zod";

const content = z.record(z.string(), z.object({ schema: z.looseObject({}) }));
const operationSchema = z.object({
  operationId: z.string(),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  parameters: z.array(z.looseObject({ name: z.string(), in: z.string() })).default([]),
  requestBody: z.object({ content }).optional(),
  responses: z.record(z.string(), z.object({ description: z.string(), content: content.optional() })),
});
const documentSchema = z.looseObject({
  paths: z.record(z.string(), z.record(z.string(), operationSchema)),
  components: z.looseObject({ schemas: z.record(z.string(), z.looseObject({})) }),
});

export type Operation = z.infer<typeof operationSchema> & { readonly method: string; readonly path: string };

export interface ToldAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers: Headers;
}

export interface ApiDocument {
  readonly operations: readonly Operation[];
  /** Fails when it is no valid OpenAPI 3.1, names two operations alike, or leaves a part of a path without its parameter. */
  expectSound(): Promise<void>;
  /** Fails when the document does not say that the operation answers so. */
  expectTold(operation: Operation, answer: ToldAnswer): void;
  /** Fails when the operation takes JSON, and by the document this is none that it takes. */
  expectTaken(operation: Operation, body: unknown): void;
}

export function readApiDocument(text: string): ApiDocument {
  const document = documentSchema.parse(JSON.parse(text));
  const ajv = new Ajv2020({ strict: false });
  ajv.addSchema({ $id: "doc", components: document.components });
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, each]) => ({ ...each, method: method.toUpperCase(), path })),
  );
  const expectOf = (schema: object | undefined, value: unknown, what: string): void => {
    const ours = JSON.parse(JSON.stringify(schema).replaceAll("#/components", "doc#/components"));
    const isValid = ajv.validate(ours, value);
    expect(isValid, `${what}: ${ajv.errorsText()} in ${JSON.stringify(value).slice(0, 300)}`).toBe(true);
  };
  return {
    operations,
    async expectSound() {
      const whole = z.record(z.string(), z.unknown()).parse(JSON.parse(text));
      const { errors = [], valid } = await new Validator().validate(whole);
      expect([errors, valid]).toEqual([[], true]);
      const names = operations.map(({ operationId }) => operationId);
      expect(new Set(names).size).toBe(names.length);
      for (const operation of operations) expectNamedPath(operation);
    },
    expectTold({ operationId, responses }, { status, body, headers }) {
      const told = responses[String(status)];
      expect(told, `${operationId} answers ${status}: ${body.slice(0, 200)}`).toBeDefined();
      if (told?.content === undefined) {
        expect(body).toBe("");
        return;
      }
      const type = headers.get("content-type")?.split(";", 1)[0] ?? "";
      expect(Object.keys(told.content)).toContain(type);
      const value = type === "application/json" ? jsonOr(body) : body;
      expectOf(told.content[type]?.schema, value, operationId);
    },
    expectTaken({ operationId, requestBody }, body) {
      const schema = requestBody?.content["application/json"]?.schema;
      if (schema !== undefined) expectOf(schema, body, operationId);
    },
  };
}

function expectNamedPath({ path, parameters }: Operation): void {
  const inPath = parameters.filter((parameter) => parameter.in === "path").map(({ name }) => name);
  expect(inPath).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
}

/** OneGate labels an error's plain text as JSON, as recorded. */
function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
