"""Says what an expression may be: a function, a class, an instance of one, or something of a library.

It goes by names, annotations, what is assigned to variables and attributes, what functions return, and
class hierarchies, in whatever order statements stand. An expression that it cannot follow has no values, and
what is called through it is not seen. It does not guess, so that what is found is there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from perdure.checks.determinism.annotations import Annotations
from perdure.checks.determinism.arguments import Arguments
from perdure.checks.determinism.containers import element, literal, made_by, of_method
from perdure.checks.determinism.declarations import Declarations, returned_by
from perdure.checks.determinism.lookup import Lookup, shadowed_by_parameter
from perdure.checks.determinism.modules import Modules
from perdure.checks.determinism.symbols import (
    Binding,
    Class,
    ClassObject,
    Function,
    FunctionObject,
    How,
    Instance,
    Module,
    ModuleObject,
    Outside,
    OutsideInstance,
    Scope,
    Super,
    Value,
)

_MOST_VALUES = 8
_DEEPEST = 40
_NOT_CUT = _DEEPEST * 2

Values = tuple[Value, ...]


class Inference:
    """The values of expressions, each worked out once."""

    def __init__(self, modules: Modules, declarations: Declarations) -> None:
        self.lookup = Lookup(modules, declarations)
        self._annotations = Annotations(self)
        self._known: dict[tuple[int, int, int], Values] = {}
        self._asked: dict[tuple[int, int, int], int] = {}
        self._lowest_cut = _NOT_CUT
        self.arguments = Arguments()
        self._exporting: set[tuple[int, str]] = set()
        self._lambdas: dict[int, Function] = {}

    def of(self, expression: ast.expr, scope: Scope) -> Values:
        """Return what an expression may be; nothing where that cannot be told."""
        key = (id(expression), id(scope.function), id(scope.receiver))
        if key in self._known:
            return self._known[key]
        if key in self._asked or len(self._asked) > _DEEPEST:
            self._lowest_cut = min(self._lowest_cut, self._asked.get(key, 0))
            return ()
        depth = len(self._asked)
        self._asked[key] = depth
        values = _distinct(self._infer(expression, scope))
        del self._asked[key]
        if self._lowest_cut >= depth:
            # What was found inside a cycle may be cut short by it: only whole answers are kept.
            self._known[key] = values
            self._lowest_cut = _NOT_CUT
        return values

    def annotated(self, annotation: ast.expr, scope: Scope) -> Values:
        """Return the instances that an annotation allows."""
        return self._annotations.instances(annotation, scope)

    def _infer(self, expression: ast.expr, scope: Scope) -> Iterable[Value]:
        match expression:
            case ast.Name(id=name):
                return self._named(name, scope)
            case ast.Attribute(value=base, attr=attribute):
                return [found for value in self.of(base, scope) for found in self.member(value, attribute)]
            case ast.Call():
                return self._results(expression, scope)
            case ast.Await(value=inner) | ast.NamedExpr(value=inner) | ast.Starred(value=inner):
                return self.of(inner, scope)
            case ast.Lambda():
                return [FunctionObject(self._lambda(expression, scope), scope.receiver)]
            case ast.IfExp(body=one, orelse=other):
                return (*self.of(one, scope), *self.of(other, scope))
            case ast.BoolOp(values=parts):
                return [value for part in parts for value in self.of(part, scope)]
            case ast.Subscript(value=base):
                return self._subscripted(base, scope)
            case ast.BinOp(left=left, op=operator, right=right):
                return self._combined(left, operator, right, scope)
            case _:
                return literal(expression, lambda part: self.of(part, scope))

    def member(self, value: Value, name: str) -> Values:
        """Return what an attribute of a value may be."""
        match value:
            case ModuleObject(of=module):
                return self.exported(module, name)
            case Outside(name=outside):
                return self._outside_member(outside, name)
            case OutsideInstance(name=outside):
                return (Outside(f"{outside}.{name}"),)
            case ClassObject(of=owner):
                return self.class_member(owner, name, None)
            case Instance(of=owner):
                return self.class_member(owner, name, owner)
            case Super(above=above, receiver=receiver):
                return self.class_member(above, name, receiver, inherited=True)
            case FunctionObject():
                return ()

    def _outside_member(self, outside: str, name: str) -> Values:
        dotted = f"{outside}.{name}"
        module = None if self.lookup.declarations.knows(dotted) else self.lookup.modules.named(dotted)
        return (ModuleObject(module),) if module else (Outside(dotted),)

    def exported(self, module: Module, name: str) -> Values:
        """Return what a module has under a name."""
        found = self.lookup.binding(module, name)
        if found is None:
            return self._outside_member(module.name, name)
        owner, bindings = found
        key = (id(owner), name)
        if key in self._exporting:
            # Modules that import a name from each other.
            return ()
        self._exporting.add(key)
        values = _distinct(value for binding in bindings for value in self.bound(binding, Scope(owner)))
        self._exporting.discard(key)
        return values

    def class_member(
        self, owner: Class, name: str, receiver: Class | None, *, inherited: bool = False
    ) -> Values:
        """Return what a class has under a name, itself or from a class above.

        Args:
            owner: Where the search starts.
            name: The attribute.
            receiver: The class of the object, where there is one.
            inherited: Whether to begin above the class, as ``super()`` does.
        """
        line = self.line(owner)
        outside = [base.name for base in line if isinstance(base, Outside)]
        for base in line[1 if inherited else 0 :]:
            if isinstance(base, Class) and (found := self._own_member(base, name, receiver)):
                return found
        if receiver is not None and (assigned := self._assigned(line, name, receiver)):
            return assigned
        return tuple(Outside(f"{base}.{name}") for base in outside if not base.startswith("builtins.object"))

    def _own_member(self, base: Class, name: str, receiver: Class | None) -> Values:
        values: list[Value] = []
        scope = Scope(base.module, base.parent, receiver or base)
        for binding in base.names.get(name, ()):
            for value in self.bound(binding, scope):
                if not isinstance(value, FunctionObject) or value.of.owner is not base:
                    values.append(value)
                elif receiver is not None and is_property(value.of):
                    values.extend(self.returned(value.of, receiver))
                else:
                    values.append(FunctionObject(value.of, receiver or base))
        return tuple(values)

    def _assigned(self, line: list[Class | Outside], name: str, receiver: Class) -> Values:
        values: list[Value] = []
        for base in line:
            if isinstance(base, Class):
                for method, how, expression in self.lookup.attributes(base).get(name, ()):
                    scope = Scope(base.module, method, receiver)
                    values.extend(
                        self.annotated(expression, scope)
                        if how is How.ANNOTATION
                        else self.of(expression, scope)
                    )
        return _distinct(values)

    def line(self, owner: Class) -> list[Class | Outside]:
        """Return a class and those above it, in the order in which Python searches them."""
        found: list[Class | Outside] = [owner]
        scope = Scope(owner.module, owner.parent)
        for base in owner.node.bases:
            for value in self.of(base, scope):
                if isinstance(value, ClassObject) and value.of not in found:
                    found.extend(above for above in self.line(value.of) if above not in found)
                elif isinstance(value, Outside):
                    found.append(value)
        return found

    def bound(self, binding: Binding, scope: Scope) -> Values:
        """Return what a binding gives its name."""
        match binding:
            case Binding(how=How.IMPORT, imported=(name, attribute)):
                return self._imported(name, attribute, scope.module)
            case Binding(how=How.DEFINITION, definition=Class() as made):
                return (ClassObject(made),)
            case Binding(how=How.DEFINITION, definition=Function() as made):
                return (FunctionObject(made, scope.receiver),)
            case Binding(how=How.ANNOTATION, expression=ast.expr() as expression):
                return self.annotated(expression, scope)
            case Binding(how=How.INSTANCE, expression=ast.expr() as expression):
                kinds = expression.elts if isinstance(expression, ast.Tuple) else [expression]
                return tuple(made for kind in kinds for made in self._instances(self.of(kind, scope)))
            case Binding(how=How.ENTERED, expression=ast.expr() as expression):
                return self._entered(expression, scope)
            case Binding(how=how, expression=ast.expr() as expression, position=position):
                values = self.of(expression, scope)
                if how is How.ITEM:
                    values = element(values)
                for part in position:
                    values = element(values, part)
                return values
        return ()

    def _named(self, name: str, scope: Scope) -> Values:
        function = scope.function
        while function is not None:
            bindings = function.names.get(name, [])
            parameter = shadowed_by_parameter(function, name)
            if bindings or parameter is not None:
                inner = Scope(scope.module, function, scope.receiver)
                given = () if parameter is None else self._parameter(function, parameter, scope)
                return _distinct(
                    (*given, *(value for binding in bindings for value in self.bound(binding, inner)))
                )
            function = function.parent
        if self.lookup.binding(scope.module, name) is not None:
            return self.exported(scope.module, name)
        return (Outside(f"builtins.{name}"),) if self.lookup.is_builtin(name) else ()

    def _parameter(self, function: Function, parameter: ast.arg, scope: Scope) -> Values:
        if parameter.annotation is not None:
            return self.annotated(parameter.annotation, Scope(function.module, function, scope.receiver))
        if function.owner is None or function.parameters[:1] != [parameter]:
            given = self.arguments.of(function, parameter)
            return tuple(value for argument, caller in given for value in self.of(argument, caller))
        names = {ast.unparse(decorator) for decorator in function.decorators}
        if "staticmethod" in names:
            return ()
        receiver = scope.receiver or function.owner
        return (ClassObject(receiver),) if "classmethod" in names else (Instance(receiver),)

    def _imported(self, name: str, attribute: str | None, beside: Module) -> Values:
        dotted = f"{name}.{attribute}" if attribute else name
        if self.lookup.declarations.knows(dotted):
            return (Outside(dotted),)
        module = self.lookup.modules.named(name, beside)
        if module is not None:
            if attribute is None:
                return (ModuleObject(module),)
            if self.lookup.binding(module, attribute) is not None:
                values = self.exported(module, attribute)
                if values:
                    return values
        inner = self.lookup.modules.named(dotted, beside) if attribute else None
        return (ModuleObject(inner),) if inner else (Outside(dotted),)

    def _results(self, call: ast.Call, scope: Scope) -> Values:
        values: list[Value] = []
        if isinstance(call.func, ast.Attribute):
            values.extend(of_method(self.of(call.func.value, scope), call.func.attr))
        for callee in self.of(call.func, scope) if not values else ():
            match callee:
                case ClassObject(of=made):
                    values.append(Instance(made))
                case FunctionObject(of=function, receiver=receiver):
                    values.extend(self.returned(function, receiver))
                case Instance(of=owner):
                    for method in self.class_member(owner, "__call__", owner):
                        if isinstance(method, FunctionObject):
                            values.extend(self.returned(method.of, owner))
                case Outside(name="builtins.super"):
                    values.extend(self._super(scope))
                case Outside(name=name):
                    values.extend(self._made_outside(name, call, scope))
        return tuple(values)

    def _super(self, scope: Scope) -> Values:
        function = scope.function
        while function is not None and function.owner is None:
            function = function.parent
        if function is None or function.owner is None:
            return ()
        return (Super(function.owner, scope.receiver or function.owner),)

    def _made_outside(self, name: str, call: ast.Call, scope: Scope) -> Values:
        if name in {"typing.cast", "typing.assert_type"} and call.args:
            return self.annotated(call.args[0], scope)
        values = made_by(name, [self.of(argument, scope) for argument in call.args])
        return values if values is not None else (OutsideInstance(returned_by(name)),)

    def returned(self, function: Function, receiver: Class | None) -> Values:
        """Return what a function returns, by its annotation or else by its return statements."""
        node = function.node
        scope = Scope(function.module, function, receiver)
        if isinstance(node, ast.Lambda):
            return self.of(node.body, scope)
        if node.returns is not None:
            return self.annotated(node.returns, scope)
        return _distinct(
            value for expression in self.lookup.results(function) for value in self.of(expression, scope)
        )

    def _entered(self, expression: ast.expr, scope: Scope) -> Values:
        values: list[Value] = []
        for value in self.of(expression, scope):
            if not isinstance(value, Instance):
                values.append(value)
                continue
            entering = [
                method
                for name in ("__enter__", "__aenter__")
                for method in self.class_member(value.of, name, value.of)
                if isinstance(method, FunctionObject)
            ]
            values.extend(found for method in entering for found in self.returned(method.of, value.of))
        return tuple(values)

    def _subscripted(self, base: ast.expr, scope: Scope) -> Iterator[Value]:
        for value in self.of(base, scope):
            match value:
                case OutsideInstance():
                    yield from value.items
                case Instance(of=owner):
                    for method in self.class_member(owner, "__getitem__", owner):
                        if isinstance(method, FunctionObject):
                            yield from self.returned(method.of, owner)
                case ClassObject():
                    yield value

    def _combined(self, left: ast.expr, operator: ast.operator, right: ast.expr, scope: Scope) -> Values:
        values = (*self.of(left, scope), *self.of(right, scope))
        paths = tuple(value for value in values if value == OutsideInstance("pathlib.Path"))
        if isinstance(operator, ast.Div):
            return paths[:1]
        sets = tuple(v for v in values if isinstance(v, OutsideInstance) and v.name == "builtins.set")
        if isinstance(operator, ast.BitAnd | ast.BitOr | ast.BitXor | ast.Sub):
            return sets
        return tuple(v for v in values if isinstance(v, OutsideInstance) and v.name == "builtins.list")

    def _instances(self, values: Values) -> Iterator[Value]:
        for value in values:
            if isinstance(value, ClassObject):
                yield Instance(value.of)
            elif isinstance(value, Outside):
                yield OutsideInstance(value.name)

    def _lambda(self, node: ast.Lambda, scope: Scope) -> Function:
        if id(node) not in self._lambdas:
            inside = f"{scope.function.name}." if scope.function else ""
            self._lambdas[id(node)] = Function(f"{inside}<lambda>", node, scope.module, None, scope.function)
        return self._lambdas[id(node)]


def is_property(function: Function) -> bool:
    """Tell whether reading the attribute calls the function."""
    names = {ast.unparse(decorator).rpartition(".")[2] for decorator in function.decorators}
    return bool(names & {"property", "cached_property", "computed_field"})


def _distinct(values: Iterable[Value]) -> Values:
    return tuple(dict.fromkeys(values))[:_MOST_VALUES]
