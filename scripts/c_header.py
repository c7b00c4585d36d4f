"""What a C header declares, as far as callers compiled against it can tell: functions, structs, constants."""

import json
import os
import re
import subprocess
import tempfile

TOKEN = re.compile(r"[A-Za-z_]\w*|\d+|\S")
CALLBACK = re.compile(r"^(?P<result>.*?)\( ?\* ?(?P<name>\w*) ?\) ?\((?P<arguments>.*)\)$")
WORDS = {"const", "struct", "enum", "unsigned", "signed", "long", "short", "char", "int", "void", "bool", "float", "double"}


def joined(tokens):
    """Tokens as one text with one way to write blanks."""
    text = " ".join(tokens)
    return re.sub(r" ?\* ?", "*", re.sub(r" ?([(),]) ?", r"\1", text)).strip()


def split(text):
    """Splits an argument list at its own commas."""
    parts, depth, last = [], 0, 0
    for at, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if c == "," and depth == 0:
            parts.append(text[last:at])
            last = at + 1
    return [part.strip() for part in [*parts, text[last:]]]


def type_of(declaration):
    """The type in a declaration of an argument or a field; its name does not matter to a caller."""
    found = CALLBACK.match(declaration.strip())
    if found:
        arguments = ",".join(type_of(part) for part in split(found["arguments"]))
        return f"{result_of(found['result'])}(*)({arguments})"
    tokens = TOKEN.findall(declaration)
    if len(tokens) > 1 and re.match(r"[A-Za-z_]", tokens[-1]) and tokens[-1] not in WORDS and tokens[-2] != "struct":
        tokens.pop()
    # `T` and `struct T` are one type: each struct here has a typedef of its name.
    return joined(token for token in tokens if token != "struct")


def result_of(text):
    return joined(token for token in TOKEN.findall(text) if token != "struct")


def name_of(declaration):
    found = CALLBACK.match(declaration.strip())
    return found["name"] if found else TOKEN.findall(declaration)[-1]


def statements(path):
    """The statements of the header by itself, without comments, attributes and what it includes."""
    with open(path) as file:
        text = re.sub(r"^\s*#\s*include\b.*$", "", file.read(), flags=re.MULTILINE)
    plain = subprocess.run(
        ["cc", "-E", "-P", "-x", "c", "-DMOQ_API=", "-DMOQ_DEPRECATED(x)=", "-"],
        input=text, capture_output=True, text=True, check=True).stdout  # fmt: skip
    found, depth, last = [], 0, 0
    for at, c in enumerate(plain):
        depth += (c == "{") - (c == "}")
        if c == ";" and depth == 0:
            found.append(" ".join(plain[last:at].split()))
            last = at + 1
    return found


def declarations(path):
    """Functions and typedefs of functions by their signature, structs by their fields, enums by their names."""
    functions, callbacks, structs, enums = {}, {}, {}, {}
    for statement in statements(path):
        record = re.match(r"typedef (struct|enum) \w+ ?\{(.*)\} ?(\w+)$", statement)
        if record and record[1] == "struct":
            fields = [field.strip() for field in record[2].split(";") if field.strip()]
            structs[record[3]] = [(name_of(field), type_of(field)) for field in fields]
        elif record:
            enums[record[3]] = [value.split("=")[0].strip() for value in record[2].split(",") if value.strip()]
        elif statement.startswith("typedef "):
            declaration = statement.removeprefix("typedef ")
            callbacks[name_of(declaration)] = type_of(declaration)
        else:
            function = re.match(r"(?P<result>.*?)\b(?P<name>moq_\w+) ?\((?P<arguments>.*)\)$", statement)
            if not function:
                raise ValueError(f"not understood: {statement}")
            arguments = ",".join(type_of(part) for part in split(function["arguments"]))
            functions[function["name"]] = f"{result_of(function['result'])}({arguments})"
    return functions, callbacks, structs, enums


def macros(path):
    with open(path) as file:
        return re.findall(r"^#define (MOQ_\w+) +\S", file.read(), re.MULTILINE)


def measured(path, structs, enums, numbers):
    """Sizes, offsets and values, as a compiled C program sees them."""
    lines = ['#include "moq.h"', "#include <stdalign.h>", "#include <stddef.h>", "#include <stdio.h>", "int main(void) {"]

    def put(key, value):
        lines.append(f'  printf("%s %lld\\n", "{key}", (long long)({value}));')

    for struct, fields in structs.items():
        put(f"{struct} size", f"sizeof({struct})")
        put(f"{struct} align", f"alignof({struct})")
        for field, _ in fields:
            put(f"{struct}.{field} offset", f"offsetof({struct}, {field})")
            put(f"{struct}.{field} size", f"sizeof((({struct}*)0)->{field})")
    for name in [*numbers, *(value for values in enums.values() for value in values)]:
        put(name, name)
    with tempfile.TemporaryDirectory() as folder:
        source, program = os.path.join(folder, "measure.c"), os.path.join(folder, "measure")
        with open(source, "w") as file:
            file.write("\n".join([*lines, "  return 0;", "}", ""]))
        subprocess.run(["cc", "-std=c11", f"-I{os.path.dirname(path)}", source, "-o", program], check=True)
        output = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    return {key: int(value) for key, _, value in (line.rpartition(" ") for line in output.splitlines())}


def describe(path):
    """All of it, in an order of its own and so comparable."""
    path = os.path.abspath(path)
    functions, callbacks, structs, enums = declarations(path)
    numbers = [name for name in macros(path) if name.startswith("MOQ_ERROR_")]
    seen = measured(path, structs, enums, numbers)
    return {
        "functions": dict(sorted(functions.items())),
        "callbacks": dict(sorted(callbacks.items())),
        "structs": {
            struct: {
                "size": seen[f"{struct} size"], "align": seen[f"{struct} align"],
                "fields": [[name, kind, seen[f"{struct}.{name} offset"], seen[f"{struct}.{name} size"]] for name, kind in fields],
            } for struct, fields in sorted(structs.items())
        },
        "enums": {enum: {name: seen[name] for name in names} for enum, names in sorted(enums.items())},
        "errors": {name: seen[name] for name in sorted(numbers)},
    }  # fmt: skip


def as_text(description):
    """JSON with a line for each function, field and constant."""
    text = json.dumps(description, indent=1)
    return re.sub(r"\[\s+(\"[^\]]*?)\s+\]", lambda found: "[" + re.sub(r"\s*\n\s*", " ", found[1]) + "]", text) + "\n"
