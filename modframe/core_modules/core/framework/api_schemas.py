"""What the routes of the framework answer with."""

from typing import Any

from pydantic import BaseModel, Field


class ParameterResponse(BaseModel):
    """One parameter of a method."""

    name: str = Field(..., description="Its name")
    type: str = Field(..., description="Its type as text; empty if nothing says it")
    json_schema: dict[str, Any] = Field(
        ..., alias="schema", description="Its type as JSON Schema; empty if it has none"
    )
    required: bool = Field(..., description="Whether a call needs it")
    default: Any = Field(None, description="Its default, or null")
    description: str = Field("", description="What it is")


class ReturnsResponse(BaseModel):
    """What a method returns."""

    type: str = Field("", description="The type as text")
    description: str = Field("", description="What it is")


class ExampleResponse(BaseModel):
    """A call of a method and its result."""

    call: str = Field(..., description="The call", examples=["total(2)"])
    result: str = Field("", description="The result", examples=["Result.success(42)"])


class MethodResponse(BaseModel):
    """One method of a service."""

    name: str = Field(..., description="Its name")
    signature: str = Field(..., description="Its parameters and return type, as in Python")
    description: str = Field("", description="What it does")
    documented: bool = Field(..., description="Whether a ServiceMethod documents it")
    params: list[ParameterResponse] = Field(..., description="Its parameters, in order")
    returns: ReturnsResponse = Field(..., description="What it returns")
    examples: list[ExampleResponse] = Field(..., description="Calls and their results")
    tags: list[str] = Field(..., description="Words to find it by")


class ServiceResponse(BaseModel):
    """One live service."""

    name: str = Field(..., description="Its full name", examples=["standard.orders.service"])
    module: str = Field(..., description="Its module's id", examples=["standard.orders"])
    generation: int = Field(..., description="The number of the live generation")
    class_name: str = Field(..., description="Its class")
    description: str = Field("", description="What its module is for")
    methods: list[MethodResponse] = Field(..., description="Its public methods")


class ServicesResponse(BaseModel):
    """The live services that were asked for."""

    services: list[ServiceResponse] = Field(..., description="In the order of their modules")
