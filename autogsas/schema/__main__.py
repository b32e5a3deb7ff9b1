"""Print the JSON Schema of project.yaml."""

from autogsas.schema import schema_text

print(schema_text(), end="")
