{#- Databases of the warehouse carry the names of the contract: a folder's schema is taken as it is written. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
  {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
