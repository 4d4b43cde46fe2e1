{#- Every row keeps every rule; one scan tests them all, and a failure names the rule and how many rows break it.
    `rules` maps the name of a rule to a condition that must be true; null counts as broken. -#}
{% test keeps_rules(model, rules) %}
{%- set condition_of = 'not coalesce((%s), false)' %}
select broken_rule, broken_rows
from (
  {% for name, condition in rules.items() -%}
  {%- if target.type != 'clickhouse' %}
  select '{{ name }}' as broken_rule, count(*) as broken_rows from {{ model }} where {{ condition_of | format(condition) }}
  {{ 'union all' if not loop.last }}
  {%- endif %}
  {%- endfor %}
  {%- if target.type == 'clickhouse' %}
  select rule.1 as broken_rule, rule.2 as broken_rows
  from (
    select
      [
        {% for name, condition in rules.items() -%}
        tuple('{{ name }}', countIf({{ condition_of | format(condition) }})){{ ',' if not loop.last }}
        {% endfor %}
      ] as rules
    from {{ model }}
  )
  array join rules as rule
  {%- endif %}
) as counted
where broken_rows > 0
{% endtest %}
